/** `prep paint`: paint label maps in the browser, and see the photo that the model makes of them. */
import { spawn } from 'node:child_process'
import { Command, InvalidArgumentError } from 'commander'
import { PrepError } from '../errors.js'
import { isLoopback } from '../paint/admission.js'
import { startPaintServer } from '../paint/server.js'
import { openStudio } from '../paint/studio.js'
import { selectEngine } from '../trainer/engines/index.js'
import { chooseCheckpoint } from './choose-checkpoint.js'
import { wholeNumber } from './numbers.js'
import { printLine } from './render.js'
import { datasetFolder } from './verify.js'

interface PaintFlags {
  readonly dataset?: string | false
  readonly port: number
  readonly host: string
  readonly allowOthers?: boolean
  readonly open?: boolean
  readonly inBrowser?: boolean
  readonly engine: string
  readonly threads?: number
}

export function paintCommand(): Command {
  return new Command('paint')
    .description('Paint label maps in your browser and watch the trained model turn them into photos')
    .argument('<run>', 'output of a run (its best or newest checkpoint), or a checkpoint file')
    .option('--port <n>', 'where to listen; 0: any port that is free', port, 7717)
    .option('--host <address>', 'address to listen at; others than loopback need --allow-others', '127.0.0.1')
    .option(
      '--allow-others',
      'let other machines in: whoever has the link may paint, over a connection without encryption',
    )
    .option('--open', 'open the page in the default browser')
    .option('--in-browser', 'make the pictures in the browser (WebGPU, else WASM), not on the server')
    .option('--dataset <folder>', 'data set that blocks and label maps come from; default: the one of the run')
    .option('--no-dataset', 'without blocks and label maps of a data set')
    .option('--engine <name>', 'what computes, as in the train step', 'auto')
    .option('--threads <n>', 'cores to compute with; default: all', wholeNumber)
    .addHelpText(
      'after',
      `
The page paints in classes, not colours: brush, shapes, flood fill, and blocks cut out of the training labels. The photo
beside the drawing follows each stroke. A photo dropped in is labelled by the palette of the run, to be painted over.
The printed link has a key of this start in it: without it the server answers nobody. Ctrl-C ends it; drawings stay in
the browser.

Examples:
  prep paint runs/quickstart
  prep paint runs/streets/train/checkpoints/epoch-0050.safetensors --port 0
  prep paint runs/streets --open --in-browser
  prep paint runs/streets --host 0.0.0.0 --allow-others      for a tablet in the same network

A folder that any web server can host, without prep: prep export web (docs/paint.md)`,
    )
    .action(async (run: string, flags: PaintFlags) => {
      const { host, engine, threads, dataset } = flags
      if (!isLoopback(host) && flags.allowOthers !== true)
        throw new PrepError('USAGE', `--host ${host} would let other machines in`, {
          hint: 'add --allow-others if that is what you want',
        })
      // loaded in a process of its own once there is something to paint: too late to hear that there is none
      if (engine !== 'auto' && flags.inBrowser !== true) await selectEngine(engine)
      const checkpoint = await chooseCheckpoint(run)
      const folder = dataset === false ? null : typeof dataset === 'string' ? await datasetFolder(dataset) : undefined
      const studio = await openStudio(checkpoint, folder)
      try {
        const browser =
          flags.inBrowser === true
            ? await (await import('../paint/browser-model.js')).browserModel(checkpoint)
            : undefined
        const server = await startPaintServer({
          studio,
          host,
          port: flags.port,
          engine,
          threads,
          ...(browser && { browser }),
        })
        printLine(`Painting with ${checkpoint} (${studio.manifest.trained})`)
        for (const [i, url] of server.urls.entries()) printLine(`${i === 0 ? 'Open' : '  or'} ${url}`)
        printLine('Ctrl-C ends it.')
        if (flags.open === true) openInBrowser(server.urls[0])
        await untilStopped()
        await server.close()
      } finally {
        await studio.close()
      }
    })
}

function port(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65535) throw new InvalidArgumentError('expected a port, 0..65535')
  return value
}

/** The first Ctrl-C ends the server in order, the second one at once. */
const untilStopped = (): Promise<void> =>
  new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
  })

/** As the system does it; where there is no browser the printed link remains. */
function openInBrowser(url: string): void {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler']
        : ['xdg-open']
  spawn(command!, [...args, url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref()
}
