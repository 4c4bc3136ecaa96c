/** The CPU engine: the graph translated to ONNX and run by onnxruntime, with Adam beside it. */
import type { Engine } from '../engine.js'

export const onnxCpu: Engine = {
  name: 'onnx-cpu',
  probe: async () => ({ available: false, reason: 'under construction', hint: 'use engine: reference' }),
  load: async () => {
    throw new Error('under construction')
  },
}
