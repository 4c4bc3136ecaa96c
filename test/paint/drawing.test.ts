import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { builtInBlocks, decodeRuns, encodeRuns, place } from '../../src/paint/drawing/block.js'
import { blankDrawing, type Drawing } from '../../src/paint/drawing/drawing.js'
import {
  DrawingError,
  formatDrawing,
  formatFragment,
  LINK_CHARACTERS,
  parseDrawing,
  parseFragment,
} from '../../src/paint/drawing/drawing-file.js'
import { region } from '../../src/paint/drawing/flood.js'
import { History } from '../../src/paint/drawing/history.js'
import {
  disc,
  ellipse,
  ellipseOutline,
  line,
  paint,
  polygon,
  rectangle,
  rectangleOutline,
  type Shape,
  snap,
} from '../../src/paint/drawing/shapes.js'
import { fitted, keepInSight, toDrawing, zoomAbout } from '../../src/paint/drawing/view.js'

/** What a shape covers, as rows of `.` and `#`. */
function picture(shape: Shape, width = 7, height = 7): string[] {
  const drawing = blankDrawing(width, height, 0)
  paint(drawing, shape, 1)
  return rowsOf(drawing)
}
const rowsOf = ({ ids, width, height }: Drawing): string[] =>
  Array.from({ length: height }, (_, y) =>
    [...ids.subarray(y * width, (y + 1) * width)].map(id => '.#23456789'[id]).join(''),
  )
const drawn = (...rows: readonly string[]): Drawing => ({
  width: rows[0]!.length,
  height: rows.length,
  ids: Uint8Array.from(rows.join(''), symbol => '.#23456789'.indexOf(symbol)),
})
const mirrored = (rows: readonly string[]): string[] => rows.map(row => [...row].reverse().join(''))

describe('shapes', () => {
  test('a disc of 1 is the pixel under the pointer, of 3 a plus or a block', () => {
    expect(picture(disc(snap({ x: 1.2, y: 1.9 }, 1), 1), 3, 3)).toEqual(['...', '.#.', '...'])
    expect(picture(disc(snap({ x: 2.4, y: 2.4 }, 3), 3), 5, 5)).toEqual(['.....', '.###.', '.###.', '.###.', '.....'])
  })

  test('outlines of odd sizes run through the outermost pixels of their box, even ones along its rim', () => {
    const [a, b] = [
      { x: 1, y: 1 },
      { x: 6, y: 5 },
    ]
    expect(picture(rectangleOutline(a, b, 1))).toEqual([
      '.......',
      '.#####.',
      '.#...#.',
      '.#...#.',
      '.#####.',
      '.......',
      '.......',
    ])
    expect(picture(rectangleOutline(a, a, 1), 3, 3)).toEqual(['...', '.#.', '...'])
    for (const size of [1, 2, 3, 4, 5])
      for (const shape of [rectangleOutline, ellipseOutline]) {
        const rows = picture(shape({ x: 8, y: 8 }, { x: 24, y: 24 }, size), 32, 32)
        expect(mirrored(rows)).toEqual(rows)
        expect([...rows].reverse()).toEqual(rows)
      }
  })

  test('a disc of 5 is round', () => {
    expect(picture(disc({ x: 3.5, y: 3.5 }, 5))).toEqual([
      '.......',
      '..###..',
      '.#####.',
      '.#####.',
      '.#####.',
      '..###..',
      '.......',
    ])
  })

  test('brushes of any size are symmetric, and as wide as they say', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 31 }), size => {
        const side = size % 2 === 1 ? 41 : 40
        const rows = picture(disc(snap({ x: side / 2, y: side / 2 }, size), size), side, side)
        expect(mirrored(rows)).toEqual(rows)
        expect([...rows].reverse()).toEqual(rows)
        const columns = rows.join('').match(/#+/g)!
        expect(Math.max(...columns.map(run => run.length))).toBe(size)
      }),
    )
  })

  test('a thin line has no gap and meets both ends', () => {
    expect(picture(line({ x: 0.5, y: 0.5 }, { x: 6.5, y: 3.5 }, 1), 7, 4)).toHaveLength(4)
    const point = fc.record({ x: fc.integer({ min: 0, max: 19 }), y: fc.integer({ min: 0, max: 19 }) })
    fc.assert(
      fc.property(point, point, (a, b) => {
        const drawing = blankDrawing(20, 20, 0)
        paint(drawing, line({ x: a.x + 0.5, y: a.y + 0.5 }, { x: b.x + 0.5, y: b.y + 0.5 }, 1), 1)
        expect(drawing.ids[a.y * 20 + a.x]).toBe(1)
        expect(drawing.ids[b.y * 20 + b.x]).toBe(1)
        const count = drawing.ids.reduce((sum, id) => sum + id, 0)
        expect(count).toBe(Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y)) + 1)
      }),
    )
  })

  test('a thick line is a stroke with round ends', () => {
    expect(picture(line({ x: 2.5, y: 2.5 }, { x: 6.5, y: 2.5 }, 3), 9, 5)).toEqual([
      '.........',
      '.#######.',
      '.#######.',
      '.#######.',
      '.........',
    ])
  })

  test('rectangles and ellipses span two corners, in whichever order', () => {
    const corners = [
      { x: 5, y: 4 },
      { x: 1, y: 1 },
    ] as const
    expect(picture(rectangle(...corners), 6, 5)).toEqual(['......', '.####.', '.####.', '.####.', '......'])
    expect(picture(ellipse({ x: 0, y: 0 }, { x: 7, y: 3 }), 7, 3)).toEqual(['.#####.', '#######', '.#####.'])
  })

  test('polygons fill by the even-odd rule, and neighbours share no pixel and leave no gap', () => {
    const square = [
      { x: 1, y: 1 },
      { x: 5, y: 1 },
      { x: 5, y: 4 },
      { x: 1, y: 4 },
    ]
    expect(picture(polygon(square), 6, 5)).toEqual(['......', '.####.', '.####.', '.####.', '......'])
    expect(picture(polygon(square.slice(0, 2)), 6, 5).join('')).not.toContain('#')
    const at = fc.record({
      x: fc.double({ min: 0, max: 12, noNaN: true }),
      y: fc.double({ min: 0, max: 12, noNaN: true }),
    })
    fc.assert(
      fc.property(at, ({ x, y }) => {
        const times = new Uint8Array(144)
        const corners = [
          { x: 0, y: 0 },
          { x: 12, y: 0 },
          { x: 12, y: 12 },
          { x: 0, y: 12 },
        ]
        corners.forEach((corner, i) => {
          polygon([corner, corners[(i + 1) % 4]!, { x, y }])((row, from, to) => {
            for (let column = from; column < to; column++) times[12 * row + column]!++
          })
        })
        expect(new Set(times)).toEqual(new Set([1]))
      }),
    )
  })

  test('what lies outside is left out, and the touched rectangle holds all that changed', () => {
    const drawing = blankDrawing(8, 8, 0)
    expect(paint(drawing, rectangle({ x: -5, y: -5 }, { x: 3, y: 2 }), 1)).toEqual({ x: 0, y: 0, width: 3, height: 2 })
    expect(paint(drawing, rectangle({ x: 20, y: 20 }, { x: 30, y: 30 }), 1)).toBeUndefined()
    expect(drawing.ids.reduce((sum, id) => sum + id, 0)).toBe(6)
  })

  test('an eraser brings back ids pixel by pixel', () => {
    const drawing = drawn('22', '22')
    paint(drawing, rectangle({ x: 0, y: 0 }, { x: 1, y: 2 }), drawn('.#', '3#').ids)
    expect(rowsOf(drawing)).toEqual(['.2', '32'])
  })
})

describe('flood fill', () => {
  test('takes what hangs together by sides, not by corners', () => {
    const drawing = drawn('..#.', '.#..', '#...', '....')
    paint(drawing, region(drawing, 0, 0), 2)
    expect(rowsOf(drawing)).toEqual(['22#.', '2#..', '#...', '....'])
    paint(drawing, region(drawing, 9, 9), 3)
    expect(rowsOf(drawing)[0]).toBe('22#.')
  })

  test('is the region that a search pixel by pixel finds, each pixel once', () => {
    const ids = fc.uint8Array({ minLength: 80, maxLength: 80, max: 1 })
    fc.assert(
      fc.property(ids, fc.nat(9), fc.nat(7), (ids, x, y) => {
        const times = new Uint8Array(80)
        region(
          { width: 10, height: 8, ids },
          x,
          y,
        )((row, from, to) => {
          for (let column = from; column < to; column++) times[10 * row + column]!++
        })
        expect(times).toEqual(searched(ids, 10, 8, x, y))
      }),
    )
  })
})

function searched(ids: Uint8Array, width: number, height: number, x: number, y: number): Uint8Array {
  const found = new Uint8Array(ids.length)
  const visit = (x: number, y: number, id: number): void => {
    const at = y * width + x
    if (x < 0 || y < 0 || x >= width || y >= height || found[at] || ids[at] !== id) return
    found[at] = 1
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ] as const)
      visit(x + dx, y + dy, id)
  }
  visit(x, y, ids[y * width + x]!)
  return found
}

describe('history', () => {
  const stroke = fc.record({
    x: fc.nat(11),
    y: fc.nat(11),
    size: fc.integer({ min: 1, max: 6 }),
    id: fc.integer({ min: 0, max: 3 }),
  })

  test('undoing all gives the first drawing, redoing all the last one', () => {
    fc.assert(
      fc.property(fc.array(stroke, { maxLength: 20 }), strokes => {
        const drawing = blankDrawing(12, 12, 0)
        const history = new History(drawing)
        const first = drawing.ids.slice()
        for (const { x, y, size, id } of strokes) {
          paint(drawing, disc({ x, y }, size), id)
          history.commit()
        }
        const last = drawing.ids.slice()
        while (history.undo());
        expect(drawing.ids).toEqual(first)
        while (history.redo());
        expect(drawing.ids).toEqual(last)
      }),
    )
  })

  test('a new step ends what could be redone, and nothing painted is no step', () => {
    const drawing = blankDrawing(4, 4, 0)
    const history = new History(drawing)
    expect(history.commit()).toBeUndefined()
    expect(history.canUndo).toBe(false)
    paint(drawing, disc({ x: 1, y: 1 }, 1), 1)
    history.commit()
    history.undo()
    paint(drawing, disc({ x: 2, y: 2 }, 1), 2)
    history.commit()
    expect(history.canRedo).toBe(false)
  })

  test('forgets the oldest steps when they take more than they may, and keeps the newest', () => {
    const drawing = blankDrawing(10, 10, 0)
    const history = new History(drawing, 300)
    for (const id of [1, 2, 3]) {
      drawing.ids.fill(id)
      history.commit()
    }
    expect(history.undo()).toBeDefined()
    expect(drawing.ids[0]).toBe(2)
    expect(history.undo()).toBeUndefined()
  })

  test('revert takes back a stroke that was not finished', () => {
    const drawing = blankDrawing(4, 4, 0)
    const history = new History(drawing)
    paint(drawing, disc({ x: 1, y: 1 }, 3), 1)
    history.revert()
    expect(rowsOf(drawing).join('')).not.toContain('#')
    expect(history.canUndo).toBe(false)
  })
})

describe('blocks', () => {
  const lShape = { width: 2, height: 3, mask: Uint8Array.from([1, 0, 1, 0, 1, 1]) }

  test('are placed about their middle, flipped and scaled', () => {
    expect(picture(place(lShape, { at: { x: 2, y: 1.5 }, scale: 1, flip: false }), 4, 3)).toEqual([
      '.#..',
      '.#..',
      '.##.',
    ])
    expect(picture(place(lShape, { at: { x: 2, y: 1.5 }, scale: 1, flip: true }), 4, 3)).toEqual([
      '..#.',
      '..#.',
      '.##.',
    ])
    expect(picture(place(lShape, { at: { x: 2, y: 3 }, scale: 2, flip: false }), 4, 6)).toEqual([
      '##..',
      '##..',
      '##..',
      '##..',
      '####',
      '####',
    ])
  })

  test('runs give the mask back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ max: 1, maxLength: 60 }), mask => {
        expect(decodeRuns(encodeRuns(mask), mask.length)).toEqual(mask)
      }),
    )
    expect(() => decodeRuns([3, 9], 4)).toThrow(RangeError)
    expect(() => decodeRuns([3], 4)).toThrow(RangeError)
  })

  test('built-in ones fill their boxes to the rims', () => {
    for (const { width, height, mask } of builtInBlocks(48)) {
      const rows = rowsOf({ width, height, ids: mask })
      expect(rows[0]).toContain('#')
      expect(rows.at(-1)).toContain('#')
      expect(rows.some(row => row.startsWith('#'))).toBe(true)
      expect(rows.some(row => row.endsWith('#'))).toBe(true)
    }
  })
})

describe('drawing files', () => {
  const drawing = fc
    .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }))
    .chain(([width, height]) =>
      fc
        .uint8Array({ minLength: width * height, maxLength: width * height, max: 7 })
        .map(ids => ({ width, height, ids })),
    )
  const palette = 'ab'.repeat(32)

  test('a file and a link give the drawing back', async () => {
    await fc.assert(
      fc.asyncProperty(drawing, async drawing => {
        expect(await parseDrawing(await formatDrawing({ drawing, palette }), 8)).toEqual({ drawing, palette })
        const linked = await parseFragment(`#${await formatFragment({ drawing, palette })}`, 8)
        expect(linked).toEqual({ drawing, palette: palette.slice(0, 12) })
      }),
      { numRuns: 50 },
    )
  })

  test('a drawing that is too rich has no link', async () => {
    let state = 1
    const noise = Uint8Array.from({ length: 256 * 256 }, () => {
      // xorshift32
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return state & 7
    })
    expect(await formatFragment({ drawing: { width: 256, height: 256, ids: noise }, palette })).toBeUndefined()
    const plain = await formatFragment({ drawing: blankDrawing(512, 512, 3), palette })
    expect(plain!.length).toBeLessThan(LINK_CHARACTERS)
  })

  test.each([
    ['not JSON', 'hello'],
    ['null', 'null'],
    ['other JSON', '{"format":"png"}'],
    ['no size', '{"format":"prep-drawing/1","ids":"AA"}'],
    ['a size that fills the memory', '{"format":"prep-drawing/1","width":99999,"height":99999,"ids":"AA"}'],
    ['ids that are no base64', '{"format":"prep-drawing/1","width":2,"height":2,"ids":"???"}'],
    ['ids that are no deflate', '{"format":"prep-drawing/1","width":2,"height":2,"ids":"AAAA"}'],
  ])('refuses %s', async (_, text) => {
    await expect(parseDrawing(text, 8)).rejects.toThrow(DrawingError)
  })

  test('refuses classes that the model does not have, and ids of another length', async () => {
    const text = await formatDrawing({ drawing: blankDrawing(4, 4, 9), palette })
    await expect(parseDrawing(text, 8)).rejects.toThrow(DrawingError)
    await expect(parseDrawing(text.replace('"width":4', '"width":5'), 10)).rejects.toThrow(DrawingError)
    expect(await parseFragment('#elsewhere', 8)).toBeUndefined()
  })
})

describe('view', () => {
  const size = fc.record({ width: fc.integer({ min: 20, max: 900 }), height: fc.integer({ min: 20, max: 900 }) })

  test('zooming keeps the point under the pointer, as long as nothing else has to give', () => {
    const pane = { width: 400, height: 400 }
    const drawing = { width: 100, height: 100 }
    const about = { x: 150, y: 230 }
    const before = zoomAbout(fitted(drawing, pane), 2, { x: 200, y: 200 }, drawing, pane)
    const after = zoomAbout(before, 1.5, about, drawing, pane)
    const [a, b] = [toDrawing(before, about), toDrawing(after, about)]
    expect(a.x).toBeCloseTo(b.x)
    expect(a.y).toBeCloseTo(b.y)
  })

  test('the drawing never leaves its pane', () => {
    fc.assert(
      fc.property(size, size, fc.double({ min: 0.1, max: 9, noNaN: true }), (drawing, pane, factor) => {
        const moved = { ...zoomAbout(fitted(drawing, pane), factor, { x: 1, y: 1 }, drawing, pane), x: 1e6, y: -1e6 }
        const { zoom, x, y } = keepInSight(moved, drawing, pane)
        for (const [offset, shown, room] of [
          [x, zoom * drawing.width, pane.width],
          [y, zoom * drawing.height, pane.height],
        ] as const) {
          expect(offset).toBeLessThanOrEqual(Math.max(0, (room - shown) / 2) + 1e-6)
          expect(offset + shown).toBeGreaterThanOrEqual(Math.min(room, shown) - 1e-6)
        }
      }),
    )
  })
})
