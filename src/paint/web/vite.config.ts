import { defineConfig } from 'vite'

// Relative addresses, so that the page works in any folder of any server.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  logLevel: 'warn',
  build: {
    outDir: '../../../dist/paint/web',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // ES modules from elsewhere, copied beside the page when they are needed
    rolldownOptions: { external: [/\/ort\//] },
  },
  worker: { format: 'es' },
})
