export async function browserModel(
  checkpoint: string,
): Promise<{ model: Uint8Array<ArrayBuffer>; runtime: Map<string, Uint8Array<ArrayBuffer>> }> {
  throw new Error(checkpoint)
}
