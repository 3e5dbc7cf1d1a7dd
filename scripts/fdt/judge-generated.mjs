/**
 * Shows device trees that `carryover generate fdt` makes to dtc, fdtdump and libfdt, and writes what they say to
 * fixtures/fdt/generated.json.gz. Run `sh scripts/fdt/install.sh` first. With --check, says whether the file would
 * change.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

/** Random trees of each version that are judged. */
const RANDOM = 12;
const SEED = 1;
const root = fileURLToPath(new URL('../..', import.meta.url));
const target = join(root, 'fixtures/fdt/generated.json.gz');
// Inside of the project, so that the compiled modules are modules of its package.
const work = mkdtempSync(join(root, 'node_modules/.fdt-'));
const sha256 = (data) => createHash('sha256').update(data).digest('hex');

async function generator() {
  const options = ['--outDir', work, '--rootDir', 'src', '--noEmit', 'false', '--skipLibCheck'];
  execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json', ...options, '--noCheck'], {
    cwd: root,
    stdio: 'inherit',
  });
  const { GENERATORS } = await import(pathToFileURL(join(work, 'build/generate/index.js')).href);
  return GENERATORS.find(({ format }) => format === 'fdt');
}

/** What a program prints, null if it fails. */
function said(command, args, input) {
  const done = spawnSync(command, args, { input, maxBuffer: 1 << 28 });
  if (done.error) throw done.error;
  return done.status === 0 ? done.stdout.toString() : null;
}

/** fdt_check_header and fdt_check_full: null for success, else the name of the error, "crash" for both. */
function libfdt(all) {
  const script = fileURLToPath(new URL('libfdt.py', import.meta.url));
  const jobs = all.map((bytes) => ({
    job: 'check',
    bytes: Buffer.from(bytes).toString('hex'),
    edits: [[[], bytes.length]],
  }));
  const text = said('/usr/bin/python3', [script], JSON.stringify(jobs));
  if (text === null) throw new Error('libfdt.py failed');
  return JSON.parse(text).map(([answer]) => answer);
}

function judged(instance) {
  const { bytes } = instance.make();
  const file = join(work, 'tree.dtb');
  writeFileSync(file, bytes);
  const dts = said('dtc', ['-q', '-q', '-I', 'dtb', '-O', 'dts'], bytes);
  const dump = said('fdtdump', [file]);
  return {
    name: instance.name,
    sha256: sha256(bytes),
    ...('rule' in instance ? { rule: instance.rule } : {}),
    // Without indents, which of deep trees are most of it.
    dts: dts === null ? null : sha256(dts.replace(/^\t+/gm, '')),
    fdtdump: dump !== null,
    bytes,
  };
}

try {
  const fdt = await generator();
  const cases = fdt.generations.flatMap(({ name }) => [
    ...fdt.boundaries(name),
    ...Array.from({ length: RANDOM }, (_, i) => fdt.random(name, SEED, i)),
    ...fdt.violations(name),
  ]);
  const trees = cases.map(judged);
  const answers = libfdt(trees.map(({ bytes }) => bytes));
  const goldens = {
    tools: { dtc: said('dtc', ['--version'])?.trim(), seed: SEED, random: RANDOM },
    trees: trees.map(({ bytes: _, ...tree }, i) => ({ ...tree, libfdt: answers[i] })),
  };
  const text = JSON.stringify(goldens);
  if (process.argv.includes('--check')) {
    const same = gunzipSync(readFileSync(target)).toString() === text;
    console.log(same ? 'generated.json.gz is as it would be made' : 'generated.json.gz would change');
    process.exitCode = same ? 0 : 1;
  } else {
    writeFileSync(target, gzipSync(text, { level: 9 }));
    console.log(`${target}: ${goldens.trees.length} trees, ${text.length} bytes of JSON`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
