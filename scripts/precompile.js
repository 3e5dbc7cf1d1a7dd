// Puts generated code in the place of what is interpreted in the source, where that is hot in a built-in format.
// Runs after tsc has filled dist/: what a module of this list exports there must be just what the list says.
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ABI } from '../dist/codec/abi.js';
import { generateModule } from '../dist/codec/generate.js';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));

/** Module in dist/ -> what it exports: the schema's module and export, and the ABI. */
const MODULES = {
  'formats/passt/compiled.js': {
    flowRecordLittle: { from: './schema.js', export: 'TcpTapTransfer', abi: ABI.x86_64 },
    flowRecordBig: { from: './schema.js', export: 'TcpTapTransfer', abi: ABI.s390x },
  },
};

for (const [module, exports] of Object.entries(MODULES)) {
  const url = new URL(`../dist/${module}`, import.meta.url);
  const interpreted = await import(url.href);
  const expected = Object.keys(interpreted).sort().join(', ');
  const listed = Object.keys(exports).sort().join(', ');
  if (expected !== listed)
    throw new Error(`${module} exports ${expected}, but scripts/precompile.js says ${listed}`);

  const entries = await Promise.all(
    Object.entries(exports).map(async ([name, { from, export: exported, abi }]) => {
      const schema = (await import(new URL(from, url).href))[exported];
      if (interpreted[name].schema !== schema || interpreted[name].abi !== abi)
        throw new Error(`${module} has another schema or ABI for ${name} than scripts/precompile.js`);
      return { name, schema, abi, from, export: exported };
    }),
  );
  const support = relative(dirname(module), 'codec/generated-support.js').replaceAll('\\', '/');
  writeFileSync(dist + module, generateModule(entries, { support }));
  // It told where the lines of the interpreted module came from.
  rmSync(`${dist + module}.map`, { force: true });
}
