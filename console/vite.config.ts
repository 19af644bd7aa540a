import { defineConfig } from 'vite';

// Two pages: the console (index.html) and the demo storefront (shop.html). Names without hashes: what is committed changes only where the
// text does, and an ETag tells browsers of a new version.
export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
  build: {
    target: 'es2020',
    outDir: 'dist',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { console: 'index.html', shop: 'shop.html' },
      output: {
        entryFileNames: 'assets/[name].js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/[name][extname]',
        // What both pages are drawn with, sent once.
        manualChunks: (id) => (/node_modules\/preact\/|shop\/placeholder/.test(id) ? 'view' : undefined),
      },
    },
  },
  // npm run dev: the pages by Vite, the API by a running merx serve. The API takes loopback's own name alone.
  server: { proxy: { '/v1': 'http://127.0.0.1:7373', '/metrics': 'http://127.0.0.1:7373' } },
});
