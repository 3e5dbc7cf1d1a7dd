// Puts the modules of dist/ together for Node, under dist/node/: a program that imports one file with the code
// of forty starts four times as fast as one that imports forty files. Bundlers take dist/ as it is, module by
// module, and leave out what is not used; the exports map in package.json tells the two apart.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../', import.meta.url));
const { exports, bin } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

/** Modules that the exports map gives to Node, and the command: `./dist/node/codec/index.js` -> `codec/index`. */
const entries = [...Object.values(exports).map((entry) => entry.node), bin.carryover]
  .filter((path) => path !== undefined)
  .map((path) => path.replace(/^(\.\/)?dist\/node\//, '').replace(/\.js$/, ''))
  .flatMap((name) => (name.includes('*') ? formats(name) : [name]));

/** `formats/*` stands for each folder of formats. */
function formats(pattern) {
  return readdirSync(`${root}dist/formats`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => pattern.replace('*', name));
}

rmSync(`${root}dist/node`, { recursive: true, force: true });
const bundle = await rolldown({
  input: Object.fromEntries(entries.map((name) => [name, `${root}dist/${name}.js`])),
  platform: 'node',
  external: (id) => !id.startsWith('.') && !id.startsWith('/'),
});
await bundle.write({
  dir: `${root}dist/node`,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
  // One file for the codec, which everything imports; the source generator apart, which few do.
  codeSplitting: { groups: [{ name: 'codec', test: /\/dist\/codec\/(?!generate|emit|jit)/ }] },
  sourcemap: true,
  // Node reads the text at each start: names, comments and blanks are left to the source maps.
  minify: true,
});
await bundle.close();

// What the exports map promises has to be there.
const targets = Object.values(exports).flatMap((entry) =>
  typeof entry === 'string' ? [entry] : Object.values(entry),
);
for (const target of [...targets, bin.carryover])
  for (const path of target.includes('*') ? formats(target) : [target])
    if (!existsSync(`${root}${path}`)) throw new Error(`package.json promises ${path}, which was not built`);
