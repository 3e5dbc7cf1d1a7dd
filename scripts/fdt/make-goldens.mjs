/**
 * Asks dtc, fdtdump and libfdt, and writes what they say to fixtures/fdt/goldens.json.gz. Run
 * `sh scripts/fdt/install.sh` first. With --check, says whether the file would change.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { randomMutant, randomSource, randomTree } from './random.mjs';
import { sources } from './sources.mjs';

const SEED = 20261121;
const root = fileURLToPath(new URL('../..', import.meta.url));
const target = join(root, 'fixtures/fdt/goldens.json.gz');
// Inside of the project, so that the compiled modules are modules of its package.
const work = mkdtempSync(join(root, 'node_modules/.fdt-'));

/** The project's own writer, compiled: its bytes are what dtc and fdtdump are shown. */
async function ownWriter() {
  const options = ['--outDir', work, '--rootDir', 'src', '--noEmit', 'false', '--skipLibCheck'];
  execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json', ...options, '--noCheck'], {
    cwd: root,
    stdio: 'inherit',
  });
  return import(pathToFileURL(join(work, 'formats/fdt/index.js')).href);
}

function run(command, args, input) {
  const done = spawnSync(command, args, { input, maxBuffer: 1 << 28 });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
}
const sourceOf = (bytes) => run('dtc', ['-q', '-q', '-I', 'dtb', '-O', 'dts'], bytes).toString();
function libfdt(jobs) {
  const script = fileURLToPath(new URL('libfdt.py', import.meta.url));
  return JSON.parse(run('/usr/bin/python3', [script], JSON.stringify(jobs)).toString());
}
function dumpOf(bytes) {
  const file = join(work, 'tree.dtb');
  writeFileSync(file, bytes);
  return run('fdtdump', [file]).toString();
}

function compiled() {
  const cases = [];
  const variants = [[], ['-p', '64'], ['-S', '2048'], ['-R', '3'], ['-b', '5'], ['-H', 'both'], ['-a', '16']];
  for (const [name, source] of Object.entries(sources))
    for (const version of [1, 2, 3, 16, 17])
      for (const options of version === 17 || name === 'tree' ? variants : [[]]) {
        if (version === 1 && options[0] === '-b') continue;
        const args = ['-q', '-q', '-I', 'dts', '-O', 'dtb', '-V', String(version), ...options];
        const bytes = run('dtc', args, source);
        const text = sourceOf(bytes);
        cases.push({ name, version, options, bytes: bytes.toString('hex'), dts: text });
      }
  return cases;
}

function treeOf({ reservations, root: node }) {
  const make = ({ name, properties, children }) => ({
    name,
    properties: properties.map(([key, value]) => ({
      name: key,
      value: Uint8Array.from(Buffer.from(value, 'hex')),
    })),
    children: children.map(make),
  });
  return {
    reservations: reservations.map(([a, s]) => ({ address: BigInt(a), size: BigInt(s) })),
    root: make(node),
  };
}

function written(writeFDT, trees, random) {
  return trees.map((tree) => {
    const version = random.pick([2, 3, 16, 17, 17]);
    const options = {
      version,
      layout: random.pick(['dtc', 'sequential', 'read-write']),
      ...(random.below(3) === 0 ? { padding: random.below(40) } : {}),
      ...(random.below(4) === 0 ? { reserveSlots: 1 + random.below(3) } : {}),
      ...(version < 16 && random.below(2) === 0 ? { nameProperties: true } : {}),
    };
    const bytes = Buffer.from(writeFDT(treeOf(tree), options));
    return { tree, options, bytes: bytes.toString('hex'), dts: sourceOf(bytes), dump: dumpOf(bytes) };
  });
}

function made(trees) {
  const kinds = ['sequential', 'read-write'];
  const jobs = trees.flatMap((tree) => kinds.map((job) => ({ job, tree })));
  const answers = libfdt(jobs);
  return jobs.map(({ job, tree }, i) => ({ layout: job, tree, bytes: answers[i] }));
}

function edited(base) {
  const jobs = [
    {
      job: 'nop',
      bytes: base,
      nodes: ['/cpus/cpu@1'],
      properties: [
        ['/', 'model'],
        ['/chosen', 'bootargs'],
      ],
    },
    { job: 'open', bytes: base, size: 4096 },
    { job: 'set', bytes: base, size: 4096, path: '/chosen', name: 'bootargs', value: '717569657400' },
    { job: 'set', bytes: base, size: 4096, path: '/chosen', name: 'linux,kho-fdt', value: '00'.repeat(32) },
  ];
  const answers = libfdt(jobs);
  return jobs.map(({ bytes: _, ...job }, i) => ({ ...job, bytes: answers[i] }));
}

function checked(bases, random) {
  const jobs = bases.map((bytes) => {
    const data = Buffer.from(bytes, 'hex');
    const edits = [[[], data.length], ...Array.from({ length: 260 }, () => randomMutant(random, data))];
    return { job: 'check', bytes, edits };
  });
  const answers = libfdt(jobs);
  return jobs.map(({ bytes, edits }, i) => ({ bytes, edits, answers: answers[i] }));
}

const { writeFDT } = await ownWriter();
try {
  const random = randomSource(SEED);
  const trees = Array.from({ length: 120 }, () => randomTree(random));
  const dtc = compiled();
  const base = dtc.find(
    ({ name, version, options }) => name === 'tree' && version === 17 && options.length === 0,
  ).bytes;
  const edits = edited(base);
  const small = dtc.filter(
    ({ name, options }) => ['values', 'reservations'].includes(name) && options.length === 0,
  );
  const folder = join(root, 'fixtures/fdt');
  const captures = readdirSync(folder).filter((name) => name.endsWith('.dtb'));
  const bases = [
    ...small.map(({ bytes }) => bytes),
    edits[0].bytes,
    ...captures.map((name) => readFileSync(join(folder, name)).toString('hex')),
  ];
  const goldens = {
    tools: { dtc: run('dtc', ['--version']).toString().trim(), seed: SEED },
    compiled: dtc,
    captures: captures
      .filter((name) => !name.includes('cut'))
      .map((name) => ({ name, dts: sourceOf(readFileSync(join(folder, name))) })),
    made: made(trees.slice(0, 60)),
    written: written(writeFDT, trees, random),
    edited: { base, cases: edits },
    checked: checked(bases, random),
  };
  const text = JSON.stringify(goldens);
  if (process.argv.includes('--check')) {
    const same = gunzipSync(readFileSync(target)).toString() === text;
    console.log(same ? 'goldens.json.gz is as it would be made' : 'goldens.json.gz would change');
    process.exitCode = same ? 0 : 1;
  } else {
    writeFileSync(target, gzipSync(text, { level: 9 }));
    console.log(`${target}: ${text.length} bytes of JSON`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
