/** Keys of work: sha256 over canonical JSON, so that equal work has equal keys whatever the order of object members. */
import { sha256Hex } from '../files.js'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined }

/** JSON with sorted member names and no spaces; `undefined` members are left out. */
export function canonicalJson(value: Json | undefined): string {
  if (value === undefined) return 'null'
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = Object.entries(value as { [name: string]: Json | undefined })
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`)
  return `{${members.join(',')}}`
}

/** @returns 64 hex digits */
export const fingerprint = (value: Json): string => sha256Hex(canonicalJson(value))
