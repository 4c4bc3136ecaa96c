/**
 * Every hostile file of the shared collection, and what no collection can hold (pipes, loops, odd names), through the
 * command line, against what the collection's manifest expects.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { prep, repoRoot, sharedData, temporaryFolder, writePhotos } from '../helpers.js'
import { scanBomb } from '../images/scan-bomb.js'

const cwd = temporaryFolder()
const odd = join(cwd, 'odd')
const torture = sharedData('torture')

/** What became of one file: its notes when it was used, else a code. */
type Fate = { readonly notes: readonly string[] } | { readonly code: string; readonly message: string }

/** Run glob, resize, kmeans and pack over the patterns. @returns by path below `base` */
async function fates(
  name: string,
  patterns: readonly string[],
  base: string,
  resize: object,
): Promise<Map<string, Fate>> {
  const steps = [
    { stage: 'glob', patterns },
    { stage: 'resize', size: 64, ...resize },
    { stage: 'kmeans', clusters: 6, quality: { on_reject: 'keep' } }, // what decodes is used, flat as it may be
    { stage: 'pack' },
  ]
  writeFileSync(join(cwd, `${name}.yaml`), JSON.stringify({ name, max_failures: 1000, steps }))
  const finished = await prep(['run', `${name}.yaml`, '--jobs', '2'], { cwd })
  expect(finished, finished.stderr).toMatchObject({ code: 0 })
  const lines = readFileSync(join(cwd, 'runs', name, 'dataset/samples.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const report = JSON.parse(readFileSync(join(cwd, 'runs', name, 'report.json'), 'utf8')) as {
    skipped: { photos: { source: string; code: string; message: string }[] }
  }
  const found = new Map<string, Fate>()
  for (const line of lines) {
    const { source, status, notes } = JSON.parse(line) as { source: string; status: string; notes: string[] }
    if (status === 'packed') found.set(source.slice(base.length + 1), { notes })
  }
  for (const { source, code, message } of report.skipped.photos)
    found.set(source.slice(base.length + 1), { code, message })
  return found
}

const short = (fate: Fate | undefined): string =>
  fate === undefined ? 'not seen' : 'code' in fate ? fate.code : ['used', ...fate.notes].join(' ')

describe('what the file system can hold', () => {
  const photo = (() => {
    let serial = 0
    // Bytes after the end make each a photo of its own.
    return () => Buffer.concat([jpeg, Buffer.from([serial++])])
  })()
  let jpeg: Buffer
  const put = (name: string, content: Uint8Array = photo()): void => {
    mkdirSync(dirname(join(odd, name)), { recursive: true })
    writeFileSync(join(odd, name), content)
  }
  let found: Map<string, Fate>

  /** How the file is called, what becomes of it. */
  const EXPECTED: Record<string, string> = {
    'plain.jpg': 'used',
    'made/symlink.jpg': 'used',
    'made/newline/a\nb.jpg': 'used',
    ['made/nfc/café.jpg'.normalize('NFC')]: 'used',
    ['made/nfc/café.jpg'.normalize('NFD')]: 'used',
    'made/unicode/фото 写真 ñ🙂.jpg': 'used',
    'made/fifo.jpg': 'NOT_A_FILE',
    'made/broken_symlink.jpg': 'FILE_MISSING',
    'folder.jpg': 'NOT_A_FILE',
    'folder.jpg/inside.jpg': 'used',
    'link-to-folder.jpg': 'NOT_A_FILE',
    'loop-a.jpg': 'FILE_MISSING',
    'loop-b.jpg': 'FILE_MISSING',
    'socket-like-device.jpg': 'NOT_A_FILE',
    '-dash.jpg': 'used',
    '--jobs=9.jpg': 'used',
    ' space .jpg': 'used',
    'back\\slash.jpg': 'used',
    'quote"\'$(id)`id`.jpg': 'used',
    '[a-b]{c,d}*?.jpg': 'used',
    'tab\t.jpg': 'used',
    'UPPER.JPEG': 'used',
    'same.jpg': 'used',
    'same.png': 'used',
    'empty.jpg': 'EMPTY_FILE',
    'latin-\ufffd.jpg': 'FILE_UNREADABLE',
    [`${'long'.repeat(62)}.jpg`]: 'used',
  }

  beforeAll(async () => {
    const [first] = await writePhotos(join(cwd, 'one'), 1, { size: 96 })
    jpeg = readFileSync(first!)
    for (const [name, fate] of Object.entries(EXPECTED)) if (fate === 'used' && name !== 'made/symlink.jpg') put(name)
    put('empty.jpg', Buffer.alloc(0))
    writeFileSync(Buffer.concat([Buffer.from(`${odd}/latin-`), Buffer.from([0xe9]), Buffer.from('.jpg')]), photo())
    symlinkSync('../plain.jpg', join(odd, 'made/symlink.jpg'))
    symlinkSync('nowhere.jpg', join(odd, 'made/broken_symlink.jpg'))
    symlinkSync('folder.jpg', join(odd, 'link-to-folder.jpg'))
    symlinkSync('/dev/zero', join(odd, 'socket-like-device.jpg'))
    symlinkSync('loop-b.jpg', join(odd, 'loop-a.jpg'))
    symlinkSync('loop-a.jpg', join(odd, 'loop-b.jpg'))
    mkdirSync(join(odd, 'deep'))
    symlinkSync('..', join(odd, 'deep/up'))
    symlinkSync('.', join(odd, 'deep/self'))
    execFileSync('mkfifo', [join(odd, 'made/fifo.jpg')])
    found = await fates('odd', ['odd/**/*.{jpg,jpeg,png}'], 'odd', { min_size: 64 })
  })

  test('each is used or left out for the right reason; loops are not walked', () => {
    // A JPEG called .png; the note is not what this test is about.
    const seen = [...found].map(([name, fate]) => [name, short(fate).replace(' wrong-extension', '')])
    expect(Object.fromEntries(seen)).toEqual(EXPECTED)
  })

  test('what the same run shows is the same again', async () => {
    expect([...(await fates('odd', ['odd/**/*.{jpg,jpeg,png}'], 'odd', { min_size: 64 }))]).toEqual([...found])
  })

  const nobody = 65534
  const isRoot = process.getuid?.() === 0
  const others = isRoot && canBeRunBy(nobody)
  test.skipIf(isRoot && !others)(
    `a file without permission is left out${isRoot ? ' (run as nobody, for root reads all)' : ''}`,
    async () => {
      const folder = temporaryFolder()
      chmodSync(folder, 0o777)
      writeFileSync(join(folder, 'open.jpg'), photo())
      writeFileSync(join(folder, 'shut.jpg'), photo())
      chmodSync(join(folder, 'shut.jpg'), 0)
      const steps = [
        { stage: 'glob', patterns: ['*.jpg'] },
        { stage: 'resize', size: 32 },
      ]
      writeFileSync(join(folder, 'p.yaml'), JSON.stringify({ name: 'p', max_failures: 5, steps }))
      const args = [join(repoRoot, 'bin/prep.cjs'), 'run', 'p.yaml', '--jobs', '1']
      const user = isRoot ? { uid: nobody, gid: nobody } : {}
      const child = spawn(process.execPath, args, { cwd: folder, stdio: 'ignore', ...user })
      expect(await new Promise(done => child.on('exit', done))).toBe(0)
      const report = JSON.parse(readFileSync(join(folder, 'runs/p/report.json'), 'utf8'))
      expect(report).toMatchObject({ samples: 1, skipped: { byCode: { FILE_UNREADABLE: 1 } } })
    },
  )
})

function canBeRunBy(uid: number): boolean {
  try {
    execFileSync(process.execPath, [join(repoRoot, 'bin/prep.cjs'), '--version'], { uid, gid: uid, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

describe('a photo that takes too long', () => {
  test('is left out with DECODE_TIMEOUT, the others go on; with more time it alone is tried again', async () => {
    await writePhotos(join(cwd, 'slow'), 24)
    // Legal in every byte, 500 KB, and a minute of work inside the decoder.
    writeFileSync(join(cwd, 'slow/bomb.jpg'), scanBomb(14_400))
    const found = await fates('slow', ['slow/*.jpg'], 'slow', { max_seconds: 1 })
    expect(found.size).toBe(25)
    for (const [name, fate] of found)
      expect([name, short(fate)]).toEqual([name, name === 'bomb.jpg' ? 'DECODE_TIMEOUT' : 'used'])

    writeFileSync(join(cwd, 'slow/bomb.jpg'), scanBomb(1456))
    const { stdout } = await prep(['run', 'slow.yaml', '--json', '--set', 'steps.resize.max_seconds=30'], { cwd })
    const events = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    const last = events.filter(({ type, label }) => type === 'progress' && label === 'resize').at(-1)
    expect(last).toMatchObject({ done: 25, cached: 24 })
    expect(events.filter(({ type }) => type === 'skip')).toEqual([])
  })

  test.skipIf(process.platform !== 'linux')('does not outlive a run that is killed', async () => {
    mkdirSync(join(cwd, 'stuck'))
    writeFileSync(join(cwd, 'stuck/bomb.jpg'), scanBomb(14_400))
    const steps = [{ stage: 'glob', patterns: ['stuck/*.jpg'] }, { stage: 'resize' }]
    writeFileSync(join(cwd, 'stuck.yaml'), JSON.stringify({ name: 'stuck', steps }))
    const child = spawn(process.execPath, [join(repoRoot, 'bin/prep.cjs'), 'run', 'stuck.yaml'], {
      cwd,
      stdio: 'ignore',
    })
    await expect.poll(() => childrenAtWork(child.pid!).length, { timeout: 30_000 }).toBeGreaterThan(0)
    const workers = childrenAtWork(child.pid!)
    child.kill('SIGKILL')
    await expect.poll(() => workers.filter(pid => existsSync(`/proc/${pid}`)), { timeout: 30_000 }).toEqual([])
  })
})

/** Child processes that have computed for a while: they are inside the decoder. */
function childrenAtWork(parent: number): number[] {
  return readdirSync('/proc').flatMap(pid => {
    if (!/^\d+$/.test(pid) || !existsSync(`/proc/${pid}/stat`)) return []
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    // proc(5): the 4th field is the parent, the 14th the ticks of 10 ms in user mode.
    return Number(fields[1]) === parent && Number(fields[11]) > 60 ? [Number(pid)] : []
  })
}

interface Entry {
  readonly file: string
  readonly expect: 'accept' | 'convert' | 'skip' | 'damaged' | 'warn'
  readonly reason: string
  /** What a decoder says of it. */
  readonly what: string
  readonly special?: boolean
}
const entries: Entry[] = torture ? JSON.parse(readFileSync(join(torture, 'manifest.json'), 'utf8')) : []
const stored = entries.filter(({ file, special }) => !special && existsSync(join(torture!, file)))

/** The manifest's reasons for leaving a file out, in codes. */
const REASONS: readonly (readonly [reason: RegExp, code: string])[] = [
  [/^too-small/, 'TOO_SMALL'],
  [/^too-many-pixels/, 'TOO_MANY_PIXELS'],
  [/^empty-file/, 'EMPTY_FILE'],
  [/^not-an-image/, 'NOT_AN_IMAGE'],
  [/^(unsupported-format|vector)/, 'UNSUPPORTED_FORMAT'],
  [/^(truncated-or-corrupt-data|corrupt-header|not-found|decodes with warnings)/, 'DECODE_FAILED'],
]

const CONVERSIONS: readonly (readonly [reason: RegExp, note: string])[] = [
  [/EXIF/, 'exif-orientation'],
  [/CMYK/, 'cmyk'],
  [/(^|\W)Lab/, 'lab'],
  [/16-bit/, '16-bit'],
  [/grey to RGB/, 'grey'],
  [/alpha/, 'alpha'],
  [/palette/, 'palette'],
  [/first frame/, 'animated'],
  [/multi-image/, 'multi-page'],
  [/ICC/, 'icc'],
]

/** Where the verdict is another than the manifest's, and why that is right. */
const ELSEWHERE: Readonly<Record<string, { readonly strict: string; readonly why: string }>> = {
  'made/noread.jpg': { strict: 'used', why: 'root reads it; the test above runs as nobody' },
  'made/plain_copy.jpg': { strict: 'used', why: 'a copy is for the dedupe step to leave out' },
  'pillow/seek_too_large.tif': { strict: 'DECODE_FAILED', why: 'it begins as a TIFF: an image, but broken' },
  'pillow/timeout-6646305047838720': { strict: 'DECODE_FAILED', why: 'it begins as a TIFF: an image, but broken' },
  'pillow/crash-2020-10-test.tif': { strict: 'TOO_SMALL', why: '20x1536: the size is looked at first' },
  'pillow/tiff_wrong_bits_per_sample.tiff': { strict: 'TOO_SMALL', why: '52x53: the size is looked at first' },
}

/** The manifest would take these with keep_damaged, but a decoder that goes on makes them all black. */
const ALL_BLACK: ReadonlySet<string> = new Set([
  'pillow/crash-0c7e0e8e11ce787078f00b5b0ca409a167f070e0.tif',
  'pillow/hopper_lzma.tif',
  'pillow/tiff_overflow_rows_per_strip.tif',
])

if (!torture) test.skip('hostile files: there is no shared data', () => {})

describe.skipIf(!torture)('the collection of hostile files', () => {
  /** As the manifest has it; then without a least size; then damaged ones too. */
  let strict: Map<string, Fate>
  let small: Map<string, Fate>
  let damaged: Map<string, Fate>

  beforeAll(async () => {
    const patterns = [`${torture}/{made,pillow,sharp}/**/*`]
    strict = await fates('strict', patterns, torture!, { min_size: 64 })
    small = await fates('small', patterns, torture!, { max_aspect: 100 })
    damaged = await fates('damaged', patterns, torture!, { keep_damaged: true })
    const rows = stored.map(({ file, expect: verdict, reason }) => {
      const cells = [strict, small, damaged].map(fates => short(fates.get(file)).padEnd(26).slice(0, 26))
      return [file.padEnd(64).slice(0, 64), verdict.padEnd(7), ...cells, ELSEWHERE[file]?.why ?? reason].join(' | ')
    })
    const head = [
      'file'.padEnd(64),
      'expect ',
      'min_size 64'.padEnd(26),
      'min_size 1, max_aspect 100',
      'keep_damaged'.padEnd(26),
    ]
    console.log([[...head, 'reason'].join(' | '), ...rows].join('\n'))
  }, 180_000)

  test('no file is missing from the verdicts', () => {
    expect(stored.length).toBeGreaterThan(100)
    for (const { file } of stored) expect(strict.has(file), file).toBe(true)
  })

  test.each(stored.map(entry => [entry.file, entry] as const))('%s', (file, { expect: verdict, reason, what }) => {
    const fate = strict.get(file)!
    const notes = (text: string): string[] =>
      CONVERSIONS.filter(([word]) => word.test(text)).flatMap(([, note]) => {
        if (note !== 'animated') return [note]
        // What is called an animation may have one frame.
        return /pages/.test(what) ? [file.endsWith('.tiff') ? 'multi-page' : note] : []
      })
    const apart = ELSEWHERE[file]
    if (apart) {
      expect(short(fate)).toBe(apart.strict)
    } else if (verdict === 'accept') {
      expect(short(fate)).toBe(/wrong-extension/.test(reason) ? 'used wrong-extension' : 'used')
    } else if (verdict === 'convert') {
      expect(short(fate)).toBe(['used', ...notes(reason)].join(' '))
    } else {
      expect(short(fate)).toBe(REASONS.find(([word]) => word.test(reason))?.[1])
    }
    const [, atAnySize] = / with --min-size 1: (.*)/.exec(reason) ?? []
    if (atAnySize) expect(short(small.get(file))).toBe(['used', ...notes(atAnySize)].join(' '))
    if (/aspect/.test(reason)) expect(short(small.get(file))).toBe('ASPECT')
  })

  test('keep_damaged takes what decodes with warnings, and says so', () => {
    const kept = stored.filter(({ expect: verdict }) => verdict === 'damaged').map(({ file }) => file)
    expect(kept.length).toBeGreaterThan(5)
    for (const file of kept) {
      const fate = damaged.get(file)!
      if (ALL_BLACK.has(file)) expect(short(fate)).toBe('DECODE_FAILED')
      else expect('notes' in fate && fate.notes.includes('damaged'), `${file}: ${short(fate)}`).toBe(true)
    }
  })

  test('what is sound is the same with keep_damaged, and nothing else is let in', () => {
    for (const [file, fate] of damaged) {
      const before = small.get(file)!
      if ('notes' in before) expect([file, short(fate)]).toEqual([file, short(before)])
      else if ('notes' in fate && short(before) !== 'ASPECT')
        expect([file, fate.notes.includes('damaged')]).toEqual([file, true])
    }
  })

  test('what is left out says what it is and what to do', () => {
    for (const [file, fate] of strict)
      if ('code' in fate && fate.code === 'UNSUPPORTED_FORMAT')
        expect(fate.message, file).toMatch(/ is .*, expected JPEG.*: (convert|draw|develop)/)
  })
})
