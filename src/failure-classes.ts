/** Classes of failures: what `prep failures` counts by and `prep retry --class` names. */

/** Codes whose class is not simply the code in lower case. */
const CLASSES: Readonly<Record<string, string>> = {
  URL_INVALID: 'url',
  DNS_FAILED: 'dns',
  CONNECT_FAILED: 'connect',
  TLS_FAILED: 'tls',
  STALLED: 'stall',
  DEADLINE_PASSED: 'deadline',
  HTTP_INVALID: 'protocol',
  REDIRECT_REFUSED: 'redirect',
  ROBOTS_REFUSED: 'robots',
  CHECKSUM_MISMATCH: 'checksum',
  DECODE_FAILED: 'decode',
  DECODE_TIMEOUT: 'decode',
  UNSUPPORTED_FORMAT: 'decode',
  WORKER_DIED: 'decode',
  NOT_A_FILE: 'file',
  FILE_MISSING: 'file',
  FILE_UNREADABLE: 'file',
  EMPTY_FILE: 'file',
  TOO_FEW_COLOURS: 'qc_colours',
}

/** The class of a sample's error code: `http_429`, `not_an_image`, `qc_blurred`. */
export const failureClass = (code: string): string => CLASSES[code] ?? code.toLowerCase()

/** Classes that may pass by themselves: a rerun tries them again. The others keep their verdict until asked. */
const TRANSIENT: ReadonlySet<string> = new Set([
  'dns',
  'connect',
  'stall',
  'deadline',
  'http_429',
  'http_5xx',
  'protocol',
  'file',
])

export const isTransient = (failureClass: string): boolean => TRANSIENT.has(failureClass)
