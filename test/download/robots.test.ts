import { describe, expect, test } from 'vitest'
import { DownloadError } from '../../src/download/failure.js'
import { Robots, type RobotsAnswer } from '../../src/download/robots.js'
import { refusalInTags } from '../../src/download/robots-tag.js'
import { errorCodes } from '../helpers.js'

const url = new URL('http://example.org/private/a.jpg')
const robotsOf = (answer: RobotsAnswer | DownloadError) => {
  const fetched: string[] = []
  const fetch = async ({ href }: URL): Promise<RobotsAnswer> => {
    fetched.push(href)
    if (answer instanceof Error) throw answer
    return answer
  }
  return { robots: new Robots(fetch, 'prep-toolkit'), fetched }
}

describe('robots.txt', () => {
  test.each([
    ['nothing is disallowed', '', true],
    ['all robots are disallowed', 'User-agent: *\nDisallow: /private/', false],
    ['a byte order mark is passed over', '\uFEFFUser-agent: *\nDisallow: /private/', false],
    ['another robot is disallowed', 'User-agent: otherbot\nDisallow: /', true],
    [
      'our group stands before the general one',
      'User-agent: *\nDisallow: /\n\nUser-agent: Prep-Toolkit\nAllow: /',
      true,
    ],
    ['the longest match decides', 'User-agent: *\nDisallow: /private\nAllow: /private/a', true],
    ['wildcards', 'User-agent: *\nDisallow: /*.jpg$', false],
  ])('%s', async (_, text, allowed) => {
    const { robots } = robotsOf({ status: 200, text })
    expect((await robots.rules(url)).allows(url.href)).toBe(allowed)
  })

  test.each([401, 403, 404, 410])('%i means no restrictions', async status => {
    const { robots } = robotsOf({ status, text: 'User-agent: *\nDisallow: /' })
    expect((await robots.rules(url)).allows(url.href)).toBe(true)
  })

  test('a fault of the host means: nothing for now, and another look later', async () => {
    const { robots, fetched } = robotsOf({ status: 503, text: '' })
    expect(await errorCodes(() => robots.rules(url))).toEqual(['HTTP_5XX'])
    expect(await errorCodes(() => robots.rules(url))).toEqual(['HTTP_5XX'])
    expect(fetched).toHaveLength(2)
  })

  test('no answer is told as what it is', async () => {
    const { robots } = robotsOf(new DownloadError('CONNECT_FAILED', 'refused'))
    expect(await errorCodes(() => robots.rules(url))).toEqual(['CONNECT_FAILED'])
  })

  test('is fetched once for each origin, however many ask at a time', async () => {
    const { robots, fetched } = robotsOf({ status: 200, text: 'User-agent: *\nCrawl-delay: 3' })
    const rules = await Promise.all([1, 2, 3].map(() => robots.rules(url)))
    expect(rules.map(({ crawlDelay }) => crawlDelay)).toEqual([3, 3, 3])
    await robots.rules(new URL('https://example.org/'))
    expect(fetched).toEqual(['http://example.org/robots.txt', 'https://example.org/robots.txt'])
  })
})

test.each([
  [['noindex'], 'noindex'],
  [['nofollow, NoAI'], 'noai'],
  [['none'], 'none'],
  [['nofollow', 'noimageai'], 'noimageai'],
  [['prep-toolkit: noindex'], 'noindex'],
  [['otherbot: noindex'], undefined],
  [['otherbot: nofollow, noindex'], undefined],
  [['max-snippet: 20, noimageindex'], 'noimageindex'],
  [['unavailable_after: 25 Jun 2010 15:00:00 PST'], undefined],
  [['all'], undefined],
  [[], undefined],
])('X-Robots-Tag %j refuses by %s', (values, refusal) => {
  expect(refusalInTags(values, 'prep-toolkit')).toBe(refusal)
})
