/**
 * Lets the second judge, C programs that know nothing of the decoders, read images of handovers, and fdtdump
 * every device tree in them; writes what they print to fixtures/judge. Run `sh scripts/judge/install.sh` first.
 *
 *     node scripts/judge/judge.js                 all cases of test/build/judge-cases.ts
 *     node scripts/judge/judge.js --check         says whether the files would change, and writes nothing
 *     node scripts/judge/judge.js captures        only the cases of that file
 *     node scripts/judge/judge.js --elf FILE --generation 'kho-v4 luo-v5 memfd-v2' [--page 4096] [--root 0x1000]
 *                                                 shows what the judge says of one file
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { runnerImport } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
const target = join(root, 'fixtures/judge');
// Inside of the project, where there is room for images, and nobody else looks.
const work = mkdtempSync(join(root, 'node_modules/.judge-'));

const WARNINGS = ['-Wall', '-Wextra', '-Wconversion', '-Wno-address-of-packed-member', '-Werror'];
const PROGRAMS = {
  handover: (name) => !name.startsWith('iommu'),
  iommu: (name) => name.startsWith('iommu') || name === 'core.c',
};

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

function compile() {
  const sources = readdirSync(here).filter((name) => name.endsWith('.c'));
  for (const [program, has] of Object.entries(PROGRAMS)) {
    const files = sources.filter(has).map((name) => join(here, name));
    execFileSync('gcc', ['-std=gnu11', '-O2', ...WARNINGS, '-o', join(work, program), ...files, '-lfdt'], {
      stdio: 'inherit',
    });
  }
}

/** A generation is a list of words: `kho-v1b luo-v1-6.19 memfd-v1`, or `iommu-B`. */
function judgeOptions(generation) {
  const words = generation.split(' ').map((word) => {
    const [, part, version] = /^(kho|luo|memfd|iommu)-(.+)$/.exec(word) ?? [];
    if (part === undefined) throw new Error(`what is ${word}?`);
    return [part, version];
  });
  const iommu = words.some(([part]) => part === 'iommu');
  return {
    program: iommu ? 'iommu' : 'handover',
    options: words.map(([part, version]) => `--${part === 'iommu' ? 'profile' : part}=${version}`),
  };
}

/** Of lines that the case itself has: how many there are, and their hash, the order of keys aside. */
function digestOf(lines) {
  const text = lines.map((line) => JSON.stringify(Object.entries(line).sort())).join('\n');
  return { lines: lines.length, sha256: sha256(text) };
}

function run(command, args) {
  const done = spawnSync(command, args, { maxBuffer: 1 << 30 });
  if (done.error) throw done.error;
  return done;
}

function fdtdump(file) {
  const { status, stdout } = run('fdtdump', [file]);
  return { sha256: sha256(readFileSync(file)), fdtdump: status === 0 ? sha256(stdout) : null };
}

function judge({ generation, pageSize, root: address }, file) {
  const { program, options } = judgeOptions(generation);
  const trees = join(work, 'fdt');
  rmSync(trees, { recursive: true, force: true });
  mkdirSync(trees);
  const done = run(join(work, program), [
    `--page=${pageSize}`,
    ...options,
    ...(address === undefined ? [] : [`--root=0x${address.toString(16)}`]),
    ...(program === 'handover' ? [`--fdt=${trees}`] : []),
    file,
  ]);
  const message = done.stderr.toString().trim();
  if (done.status !== 0 && done.status !== 1) throw new Error(`${program}: ${message}`);
  const lines = done.stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const fdts = readdirSync(trees)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name) => fdtdump(join(trees, name)));
  return { ...(done.status === 0 ? {} : { refused: message }), lines, fdts };
}

/** The file of a case is the first part of its name. */
async function judgeCases(only) {
  const { module } = await runnerImport(join(root, 'test/build/judge-cases.ts'), { configFile: false });
  const groups = new Map();
  for (const one of module.judgeCases()) {
    const group = one.name.split('/')[0];
    if (only !== undefined && group !== only) continue;
    const bytes = one.elf();
    const file = join(work, 'image.elf');
    writeFileSync(file, bytes);
    const found = judge(one, file);
    const verdict = one.lines === undefined ? found : { ...found, lines: [], said: digestOf(found.lines) };
    if (verdict.refused !== undefined) console.log(`${one.name}: refused: ${verdict.refused}`);
    const { name, generation, pageSize } = one;
    const where = one.root === undefined ? {} : { root: `0x${one.root.toString(16)}` };
    groups.set(group, [
      ...(groups.get(group) ?? []),
      { name, generation, pageSize, ...where, sha256: sha256(bytes), ...verdict },
    ]);
  }
  return groups;
}

/** One line for each case, so that a change of one is a change of one line. */
function textOf(cases) {
  return `[\n${cases.map((one) => JSON.stringify(one)).join(',\n')}\n]\n`;
}

function keep(groups, all, check) {
  let changed = false;
  mkdirSync(target, { recursive: true });
  for (const [group, cases] of groups) {
    const file = join(target, `${group}.json.gz`);
    const text = textOf(cases);
    const old = existsSync(file) ? gunzipSync(readFileSync(file)).toString() : '';
    const same = old === text;
    if (!same && !check) writeFileSync(file, gzipSync(text, { level: 9 }));
    changed ||= !same;
    console.log(`${group}: ${cases.length} cases, ${same ? 'as before' : 'changed'}`);
  }
  for (const name of all ? readdirSync(target) : [])
    if (name.endsWith('.json.gz') && !groups.has(name.replace('.json.gz', ''))) {
      if (!check) rmSync(join(target, name));
      changed = true;
      console.log(`${name}: there is no such case`);
    }
  return changed;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean', default: false },
    elf: { type: 'string' },
    generation: { type: 'string' },
    page: { type: 'string', default: '4096' },
    root: { type: 'string' },
  },
});
try {
  compile();
  if (values.elf !== undefined) {
    if (values.generation === undefined) throw new Error('--elf needs --generation');
    const address = values.root === undefined ? {} : { root: BigInt(values.root) };
    const one = { generation: values.generation, pageSize: Number(values.page), ...address };
    const { lines, fdts, refused } = judge(one, values.elf);
    for (const line of lines) console.log(JSON.stringify(line));
    for (const one of fdts) console.log(JSON.stringify(one));
    if (refused !== undefined) {
      console.error(refused);
      process.exitCode = 1;
    }
  } else {
    const [only] = positionals;
    const groups = await judgeCases(only);
    if (only !== undefined && groups.size === 0) throw new Error(`there are no cases ${only}/`);
    if (keep(groups, only === undefined, values.check) && values.check) process.exitCode = 1;
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
