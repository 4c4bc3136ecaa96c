import { describe, expect, test } from 'vitest'
import { type CodingOptions, checkColours, codeClasses, UNKNOWN } from '../../src/labels/class-coding.js'
import { type ClassTable, parseClassTable } from '../../src/labels/class-table.js'
import { errorCodes } from '../helpers.js'

const parse = (json: unknown): ClassTable => parseClassTable(JSON.stringify(json), 'table.json')
const code = (json: unknown, options: Partial<CodingOptions> = {}) =>
  codeClasses(parse(json), { unknown: 'fail', ...options }, 'table.json')
const names = (...args: Parameters<typeof code>) => code(...args).classes.map(({ name }) => name)

const ROAD_AND_SKY = [
  { id: 0, name: 'road', colour: [128, 64, 128] },
  { id: 1, name: 'sky', colour: [70, 130, 180] },
]

describe('forms of a table', () => {
  test.each([
    ['a list', ROAD_AND_SKY],
    [
      'American spelling and hex',
      [
        { id: 0, name: 'road', color: '#804080' },
        { id: 1, name: 'sky', color: '#4682b4' },
      ],
    ],
    ['a list under classes', { version: 3, classes: ROAD_AND_SKY }],
    [
      'a list under labels, ids by place',
      { labels: ROAD_AND_SKY.map(({ name, colour }) => ({ name, color: colour })) },
    ],
    ['COCO categories', { categories: ROAD_AND_SKY.map(entry => ({ ...entry, isthing: 0 })) }],
    [
      'names and colours apart',
      {
        ids: ['road', 'sky'],
        colours: [
          [128, 64, 128],
          [70, 130, 180],
        ],
        ignore: 11,
      },
    ],
    [
      'a palette',
      {
        version: 1,
        space: 'oklab',
        clusters: [
          { id: 0, name: 'road', centroid: [0.4, 0, 0], display: '#804080', mean: [86, 83, 90], share: 0.6 },
          { id: 1, name: 'sky', centroid: [0.9, 0, 0], display: '#4682b4', mean: [207, 217, 220], share: 0.4 },
        ],
      },
    ],
    ['colours by name', { road: [128, 64, 128], sky: [70, 130, 180] }],
  ])('%s', (_form, json) => {
    expect(parse(json).entries).toEqual(ROAD_AND_SKY)
  })

  test.each([
    ['names', ['road', 'sky']],
    ['names by id', { 0: 'road', 1: 'sky' }],
    ['ids by name', { road: 0, sky: 1 }],
  ])('%s: colours are made up, and differ', (_form, json) => {
    expect(parse(json).entries).toEqual(ROAD_AND_SKY.map(({ id, name }) => ({ id, name })))
    expect(new Set(code(json).classes.map(({ display }) => display)).size).toBe(2)
  })

  test.each([
    ['not JSON', 'road, sky'],
    ['empty', '[]'],
    ['an id twice', '[{"id":0,"name":"road"},{"id":0,"name":"sky"}]'],
    ['a colour of two numbers', '[{"id":0,"name":"road","colour":[1,2]}]'],
    ['a number', '7'],
  ])('%s is refused', async (_what, text) => {
    expect(await errorCodes(() => parseClassTable(text, 'table.json'))).toEqual(['CLASS_TABLE_INVALID'])
  })
})

describe('new ids', () => {
  test('are compact, in the order of the table; entries of one name are one class', () => {
    const { classes, ids } = code([
      { id: 26, name: 'car' },
      { id: 7, name: 'road' },
      { id: 8, name: 'pavement' },
      { ids: [27, 28], name: 'car' },
    ])
    expect(classes.map(({ name }) => name)).toEqual(['road', 'pavement', 'car'])
    expect(ids).toEqual([
      [7, 0],
      [8, 1],
      [26, 2],
      [27, 2],
      [28, 2],
    ])
  })

  test('map: by id or name, to a name or an id; classes that nothing counts as are gone', () => {
    const table = ['sky', 'rider', 'person', 'van', 'car']
    expect(names(table, { map: { 1: 'person', van: 4, 9: 'sky' } })).toEqual(['sky', 'person', 'car'])
    expect(names(table, { map: { 0: 'void', rider: 'void' } })).toEqual(['person', 'van', 'car', 'void'])
  })

  test('the class of the unknown, and of edges, comes last unless it is there already', () => {
    expect(code(['road', 'sky']).unknown).toBe(UNKNOWN)
    expect(code(['road', 'sky'], { unknown: 'void' })).toMatchObject({
      unknown: 2,
      classes: [{}, {}, { name: 'void', display: '#000000' }],
    })
    expect(code(['void', 'sky'], { unknown: 'void' }).unknown).toBe(0)
    expect(code({ classes: ['road', 'sky'], edges: 'boundary' })).toMatchObject({ edges: 2 })
  })

  test.each([
    ['map names no class', ['road', 'sky'], { map: { tree: 'sky' } }],
    ['one class alone', ['road'], {}],
    ['all mapped into one', ['road', 'sky'], { map: { 0: 'sky' } }],
    ['names that differ in case alone', ['road', 'Road'], {}],
    ['256 classes', Array.from({ length: 256 }, (_, i) => `c${i}`), {}],
  ])('%s is refused', async (_what, table, options) => {
    expect(await errorCodes(() => code(table, options))).toEqual(['CLASS_TABLE_INVALID'])
  })

  test('display colours are told apart where the table has one twice', () => {
    const table = [
      { id: 0, name: 'void', colour: [0, 0, 0] },
      { id: 1, name: 'ego vehicle', colour: [0, 0, 0] },
    ]
    expect(code(table).classes.map(({ display }) => display)).toEqual(['#000000', '#000001'])
  })
})

test('drawings need a colour for each class, and no colour for two', async () => {
  const check = (json: unknown) => checkColours(code(json), parse(json), 'table.json')
  expect(await errorCodes(() => check(ROAD_AND_SKY))).toEqual([])
  expect(await errorCodes(() => check([ROAD_AND_SKY[0], { id: 1, name: 'sky' }]))).toEqual(['CLASS_TABLE_INVALID'])
  const same = ROAD_AND_SKY.map(entry => ({ ...entry, colour: [1, 2, 3] }))
  expect(await errorCodes(() => check(same))).toEqual(['CLASS_TABLE_INVALID'])
})
