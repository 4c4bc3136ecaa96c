/** Runs a Node program in this process and prints its peak resident memory as the last line. */
process.on('exit', () => process.stdout.write(`${JSON.stringify({ maxRssKB: process.resourceUsage().maxRSS })}\n`))
process.argv.splice(1, 1)
await import(process.argv[1])
