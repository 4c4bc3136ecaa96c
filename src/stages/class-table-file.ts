/** A class table on disk. */
import { readFileChecked } from '../files.js'
import { type ClassTable, parseClassTable } from '../labels/class-table.js'

/** @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`, `CLASS_TABLE_INVALID` */
export async function readClassTable(path: string): Promise<ClassTable> {
  return parseClassTable((await readFileChecked(path, 'read the class table')).toString('utf8'), path)
}
