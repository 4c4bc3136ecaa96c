import { describe, expect, test } from 'vitest'
import { formatError, type PrepError, PrepErrors } from '../../src/errors.js'
import { parseOverride } from '../../src/pipeline/overrides.js'
import { type ParseInput, parsePipeline } from '../../src/pipeline/parse.js'
import { stagesByName } from '../../src/stages/index.js'

const parse = (text: string, input: Partial<ParseInput> = {}) =>
  parsePipeline(text, { file: 'faces.yaml', environment: {}, stages: stagesByName, ...input })

function problems(text: string, input: Partial<ParseInput> = {}): readonly PrepError[] {
  try {
    parse(text, input)
  } catch (error) {
    if (error instanceof PrepErrors) return error.errors
    throw error
  }
  return []
}

const places = (text: string, input: Partial<ParseInput> = {}): string[] =>
  problems(text, input).map(({ code, at }) => `${at?.line}:${at?.column} ${code}`)

const head = 'steps:\n  - stage: glob\n    patterns: ["a/*.jpg"]\n'

describe('a good file', () => {
  test('gets defaults and a name from the file', () => {
    const pipeline = parse(`${head}  - stage: resize\n`)
    expect(pipeline).toMatchObject({ name: 'faces', seed: 42, output: 'runs/faces', maxFailures: { share: 0.5 } })
    expect(pipeline.steps.map(({ stage }) => stage.name)).toEqual(['glob', 'resize'])
    expect(pipeline.steps[1]!.options).toMatchObject({ size: 512, fit: 'cover' })
  })

  test('reads variables with defaults; a plain scalar becomes a number, a quoted one stays text', () => {
    const text = `output: "\${OUT}"\n${head}  - stage: resize\n    size: \${SIZE:-128}\n`
    const { output, steps } = parse(text, { environment: { OUT: '7' } })
    expect(output).toBe('7')
    expect(steps[1]!.options).toMatchObject({ size: 128 })
  })

  test('takes overrides by stage and by number', () => {
    const overrides = ['steps.resize.size=64', 'steps.0.limit=3', 'seed=7'].map(parseOverride)
    const { seed, steps } = parse(`${head}  - stage: resize\n`, { overrides })
    expect(seed).toBe(7)
    expect(steps[0]!.options).toMatchObject({ limit: 3 })
    expect(steps[1]!.options).toMatchObject({ size: 64 })
  })
})

describe('a bad file', () => {
  test('every mistake is reported at once, in order, where it stands', () => {
    const text = [
      'sede: 1',
      'steps:',
      '  - stage: glob',
      '    patterns: "a/*.jpg"',
      '  - stage: resise',
      '    size: 512',
      '  - stage: kmeans',
      '    clusters: 640',
      '    spcae: rgb',
      '  - stage: train',
      '    epochs: many',
    ].join('\n')
    expect(places(text)).toEqual([
      '1:1 UNKNOWN_OPTION',
      '4:15 OPTION_TYPE',
      '5:12 UNKNOWN_STAGE',
      '8:15 OPTION_OUT_OF_RANGE',
      '9:5 UNKNOWN_OPTION',
      '10:12 STAGE_INPUT_MISSING',
      '11:13 OPTION_TYPE',
    ])
    const hints = problems(text).map(({ hint }) => hint)
    expect(hints).toContain('did you mean seed?')
    expect(hints).toContain('did you mean resize?')
    expect(hints).toContain('did you mean space?')
  })

  test('a code frame points at the value', () => {
    const text = `${head}  - stage: kmeans\n    clusters: 640\n`
    expect(formatError(problems(text)[0]!)).toBe(
      [
        'faces.yaml:5:15  OPTION_OUT_OF_RANGE',
        '  steps[1].clusters: expected at most 64, found 640',
        '  5 |     clusters: 640',
        '                    ^^^',
        '  hint: use 64 or less; see docs/errors.md#option_out_of_range',
      ].join('\n'),
    )
  })

  test.each([
    ['broken YAML', 'steps:\n  - stage: "glob\n', 'YAML_SYNTAX'],
    ['an empty file', '', 'PIPELINE_SHAPE'],
    ['a list', '- a\n- b\n', 'PIPELINE_SHAPE'],
    ['no steps', 'name: a\n', 'OPTION_MISSING'],
    ['an empty list of steps', 'steps: []\n', 'OPTION_OUT_OF_RANGE'],
    ['a step that is a word', `${head}  - resize\n`, 'PIPELINE_SHAPE'],
    ['a step without a stage', `${head}  - size: 3\n`, 'OPTION_MISSING'],
    ['a missing option', 'steps:\n  - stage: glob\n', 'OPTION_MISSING'],
    ['a variable that is not set', `output: \${NOPE}\n${head}`, 'ENV_MISSING'],
    ['labels that nobody makes', `${head}  - stage: pack\n`, 'STAGE_INPUT_MISSING'],
    [
      'a step before the one it needs',
      `steps:\n  - stage: resize\n  - stage: glob\n    patterns: [a]\n`,
      'STAGE_INPUT_MISSING',
    ],
    [
      'photos read from its own output',
      'output: out\nsteps:\n  - stage: glob\n    patterns: ["out/export/**/*.jpg"]\n',
      'INPUT_CYCLE',
    ],
    [
      'a palette of its own making',
      `output: out\n${head}  - stage: kmeans\n    palette: out/labels/palette.json\n`,
      'INPUT_CYCLE',
    ],
    ['a custom stage that was not loaded', `${head}  - stage: ./mine.js\n`, 'STAGE_MODULE'],
  ])('%s', (_what, text, code) => {
    expect(problems(text).map(error => error.code)).toContain(code)
  })

  test.each([
    ['size: 100', 'downs: 6', ['9:12 TRAIN_SIZE']],
    ['size: 64', 'd_layers: 5', ['9:12 TRAIN_SIZE']],
    ['size: 64', 'augment: {crop: 128}', ['9:12 OPTION_OUT_OF_RANGE']],
    ['size: 128', 'downs: 6', []],
  ])('nets that do not fit the photos are found before any is prepared: %s, %s', (size, option, expected) => {
    const steps = `  - stage: resize\n    ${size}\n  - stage: kmeans\n  - stage: pack\n  - stage: train\n    ${option}\n`
    expect(places(`# nets\n${head}${steps}`)).toEqual(expected)
  })

  test.each([
    ['{nmae: road}', '5:14 UNKNOWN_OPTION'],
    ['{colour: red}', '5:22 OPTION_TYPE'],
    ['{colour: [1, 2, 300]}', '5:29 OPTION_OUT_OF_RANGE'],
    ['{id: 7}, {id: seven}', '5:27 OPTION_TYPE'],
  ])('within a list that may also be a text, the place is exact: %s', (entries, place) => {
    expect(places(`${head}  - stage: classes\n    table: [${entries}]\n`)).toEqual([place])
  })

  test('an unknown stage causes no follow-up about what it would have given', () => {
    const text = `${head}  - stage: kmaens\n  - stage: pack\n`
    expect(places(text)).toEqual(['4:12 UNKNOWN_STAGE'])
  })

  test('an override that is refused points at the command line', () => {
    const [error] = problems(`${head}  - stage: resize\n`, { overrides: [parseOverride('steps.resize.size=big')] })
    expect(error).toMatchObject({
      code: 'OPTION_TYPE',
      at: { file: 'command line', text: '--set steps.resize.size=big' },
    })
  })

  test.each([
    ['steps.train.epochs=5', 'no such step'],
    ['steps.glob=5', 'no option'],
    ['steps.9.limit=5', 'no such number'],
  ])('--set %s (%s)', text => {
    expect(places(head, { overrides: [parseOverride(text)] })).toEqual(['undefined:undefined OVERRIDE_INVALID'])
  })

  test('--set without a value is refused', () => {
    expect(() => parseOverride('seed')).toThrowError(expect.objectContaining({ code: 'OVERRIDE_INVALID' }))
  })
})
