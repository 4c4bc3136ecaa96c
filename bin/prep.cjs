#!/usr/bin/env node
// CommonJS, because it must come before anything else: photos are decoded on libuv's threads, of which there are four
// unless this is set before the first is used, and loading an ES module uses one.
const { availableParallelism } = require('node:os')
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, 2 * availableParallelism()))
import('../dist/cli/main.js')
