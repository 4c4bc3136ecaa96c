/**
 * Ends the trainer's process the moment the one that started it closes its standard input, or is no more. A thread of its
 * own waits for that, as native code may block the others. Nothing that matters is lost: files get their names when whole.
 */
import { readSync } from 'node:fs'

const byte = Buffer.alloc(1)
try {
  while (readSync(0, byte) > 0);
} catch {
  // a broken pipe is an end as well
}
process.kill(process.pid, 'SIGKILL')
