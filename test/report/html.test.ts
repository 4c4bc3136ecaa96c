import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeHtml, html, scriptData } from '../../src/report/html.js'

test('what is put in is escaped, what is HTML stays, lists are joined, nothing is shown of what is absent', () => {
  const items = ['a<b', '"c"'].map(text => html`<li>${text}</li>`)
  expect(html`<ul title="${"it's"}">${items}${undefined}${false}${7}</ul>`.text).toBe(
    '<ul title="it&#39;s"><li>a&lt;b</li><li>&quot;c&quot;</li>7</ul>',
  )
})

test('no text ends an element, an attribute or begins a reference of its own', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const escaped = escapeHtml(text)
      expect(escaped).not.toMatch(/[<>"'`]|&(?!(amp|lt|gt|quot|#39|#96);)/)
    }),
  )
})

test('names that turn the direction of text or move the cursor are shown as they are written', () => {
  expect(escapeHtml('photo\u202egpj.exe\u0007')).toBe('photo\\u202egpj.exe\\u0007')
})

test('data for the script comes back as it was, and cannot end it', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.constant('</script><!--')), text => {
      const { text: data } = scriptData({ text })
      expect(data).not.toMatch(/[<>]/)
      expect(JSON.parse(data)).toEqual({ text })
    }),
  )
})
