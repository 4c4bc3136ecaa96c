/** `prep export`: a trained model in the forms that others take, one file per form. */
import { Command } from 'commander'
import { exportOnnxCommand } from './export-onnx.js'
import { exportPytorchCommand } from './export-pytorch.js'
import { exportWebCommand } from './export-web.js'

export function exportCommand(): Command {
  return new Command('export')
    .description('Write a trained model in a form that others take')
    .addCommand(exportOnnxCommand())
    .addCommand(exportPytorchCommand('pytorch', 'best'))
    .addCommand(exportWebCommand())
}
