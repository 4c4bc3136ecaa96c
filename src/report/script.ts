/** The page's own script: readings of charts and the slider of sheets. Without it everything is there, one below the other. */

export const SCRIPT = `
'use strict'
document.documentElement.classList.add('scripted')
for (const chart of document.querySelectorAll('.chart')) {
  const { xs, at, said } = JSON.parse(chart.querySelector('script').textContent)
  const input = chart.querySelector('input'), output = chart.querySelector('output')
  const plot = chart.querySelector('.plot'), cursor = chart.querySelector('.cursor')
  if (!xs.length) continue
  const show = (index, withCursor) => {
    output.textContent = said[index]
    input.setAttribute('aria-valuetext', 'epoch ' + said[index])
    cursor.setAttribute('transform', 'translate(' + (at[index] - ${56}) + ' 0)')
    if (withCursor) cursor.setAttribute('visibility', 'visible')
  }
  input.addEventListener('input', () => show(Number(input.value), true))
  plot.addEventListener('pointermove', event => {
    const box = plot.getBoundingClientRect()
    const x = (event.clientX - box.left) * plot.viewBox.baseVal.width / box.width
    let nearest = 0
    for (let i = 1; i < at.length; i++) if (Math.abs(at[i] - x) < Math.abs(at[nearest] - x)) nearest = i
    input.value = nearest
    show(nearest, true)
  })
  plot.addEventListener('pointerleave', () => cursor.setAttribute('visibility', 'hidden'))
  show(Number(input.value), false)
}
for (const frames of document.querySelectorAll('.frames')) {
  const list = [...frames.querySelectorAll('.frame')]
  const input = frames.querySelector('input'), output = frames.querySelector('output')
  const show = () => {
    const index = Number(input.value)
    list.forEach((frame, i) => frame.toggleAttribute('data-off', i !== index))
    output.textContent = list[index].dataset.said
    input.setAttribute('aria-valuetext', list[index].dataset.said)
  }
  input.addEventListener('input', show)
  show()
}
`
