/** Why a URL gave no photo: one error class, and the names that the network's own errors get in it. */
import { type ErrorCode, PrepError, systemCode } from '../errors.js'

export interface DownloadErrorDetails {
  /** HTTP status of the answer. */
  readonly status?: number | undefined
  /** How long the host asks to be left alone. */
  readonly waitMs?: number | undefined
  /** Does it tell of the host as a whole, whatever is asked of it? By default where no connection came about. */
  readonly ofHost?: boolean
  readonly cause?: unknown
}

const OF_HOST: ReadonlySet<string> = new Set(['DNS_FAILED', 'CONNECT_FAILED', 'TLS_FAILED', 'PRIVATE_ADDRESS'])

/** Concerns one URL and is counted; anything else that is thrown stops the run. */
export class DownloadError extends PrepError {
  readonly status: number | undefined
  readonly waitMs: number | undefined
  readonly ofHost: boolean

  constructor(
    code: ErrorCode,
    message: string,
    { status, waitMs, ofHost = OF_HOST.has(code), cause }: DownloadErrorDetails = {},
  ) {
    super(code, message, { cause })
    this.ofHost = ofHost
    this.status = status
    this.waitMs = waitMs
  }
}

const CERTIFICATE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|EPROTO$|CRL_)/
const NAME = /^(ENOTFOUND|EAI_|ENODATA$|ESERVFAIL$|EREFUSED$|ETIMEOUT$)/
const HTTP = /^(HPE_|UND_ERR_HEADERS_OVERFLOW$|UND_ERR_RES_)/
const CODING = /^(Z_|ERR_BROTLI|ERR__ERROR_FORMAT|ERR_PADDING|ERR__)/

/**
 * An error of the network as a DownloadError.
 * @throws the error itself when it is no error of the network (a full disk, a bug)
 */
export function classifyNetworkError(error: unknown): DownloadError {
  if (error instanceof DownloadError) return error
  if (error instanceof PrepError) throw error
  const { name, message } = error as Error
  // Some of the parser's errors have no code.
  const code = systemCode(error) ?? (name === 'HTTPParserError' ? 'HPE_INVALID' : undefined)
  if (code === undefined) throw error
  const make = (own: ErrorCode, text: string): DownloadError =>
    new DownloadError(own, `${text} (${code}${message && message !== code ? `: ${firstLine(message)}` : ''})`, {
      cause: error,
    })
  if (NAME.test(code)) return make('DNS_FAILED', 'the host name cannot be resolved')
  if (CERTIFICATE.test(code)) return make('TLS_FAILED', 'no trusted encrypted connection')
  if (CODING.test(code)) return make('HTTP_INVALID', 'the content coding is damaged')
  // A body of known length that is cut, and one in chunks.
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' || message.includes('Invalid EOF state'))
    return make('CONNECT_FAILED', 'the answer ended early')
  if (HTTP.test(code)) return make('HTTP_INVALID', 'the answer breaks HTTP')
  if (code === 'UND_ERR_INVALID_ARG') return make('URL_INVALID', 'the URL cannot be asked for')
  return make('CONNECT_FAILED', code === 'UND_ERR_SOCKET' ? 'the connection broke' : 'no connection')
}

const firstLine = (text: string): string => text.split('\n')[0]!.slice(0, 120)
