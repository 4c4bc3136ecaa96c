import { expect, test } from 'vitest'
import { Agreement } from '../../src/labels/agreement.js'

const ids = (text: string): Uint8Array => Uint8Array.from(text, id => (id === '-' ? 255 : Number(id)))

test('pixel accuracy and mean IoU by hand, over several maps', () => {
  const agreement = new Agreement(4)
  agreement.add(ids('0011'), ids('0111'))
  agreement.add(ids('22'), ids('12'))
  // 0: 1 of 2; 1: 2 of 4 (2 true, 4 found); 2: 1 of 2; 3 never occurs
  expect(agreement.pixelAccuracy).toBeCloseTo(4 / 6)
  expect(agreement.meanIou).toBeCloseTo((1 / 2 + 2 / 4 + 1 / 2) / 3)
})

test('pixels without a true label do not count', () => {
  const agreement = new Agreement(2)
  agreement.add(ids('0-1'), ids('011'))
  expect(agreement.pixelAccuracy).toBe(1)
  expect(agreement.meanIou).toBe(1)
})
