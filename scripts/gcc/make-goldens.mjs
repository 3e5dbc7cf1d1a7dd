// Makes fixtures/gcc: what ten GCCs say about thousands of C structs.
//
//   node scripts/gcc/make-goldens.mjs           write the files
//   node scripts/gcc/make-goldens.mjs --check   compare with the files, write nothing
//   node scripts/gcc/make-goldens.mjs --source  print the C source
//
// Only compiles: sizes, offsets and bytes are read from the object files.
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { iommuGoldens } from './iommu.mjs';
import { definition, initialiser, paths } from './model.mjs';
import { passtGoldens } from './passt.mjs';
import { allCases } from './structs.mjs';
import { ABIS, CFLAGS, compile, findCompiler, mapTwo } from './toolchain.mjs';

/**
 * @typedef {import('./structs.mjs').Case} Case
 * @typedef {{ size: number, align: number, offsets: Record<string, number>, bytes: string }} Layout
 * @typedef {Layout & { abis: string[] }} Golden
 */

const SEED = 20260118;
const RANDOM_STRUCTS = 2400;
const LIMIT = 1.5 * 1024 * 1024;
const OUTPUT = new URL('../../fixtures/gcc/', import.meta.url);

/** @param {Case} item */
const keyword = (item) => ('struct' in item.type ? 'struct' : 'union');

/** @param {readonly Case[]} cases */
function source(cases) {
  const parts = [];
  for (const item of cases) {
    const tag = `${keyword(item)} ${item.name}`;
    const numbers = [`sizeof(${tag})`, `_Alignof(${tag})`];
    for (const path of paths(item.type)) numbers.push(`__builtin_offsetof(${tag}, ${path})`);
    parts.push(
      definition(item.type, item.name),
      `const unsigned int layout_${item.name}[] __attribute__((section(".layouts"))) = { ${numbers.join(', ')} };\n`,
      `const ${tag} value_${item.name} __attribute__((section(".values"))) = ${initialiser(item.type, item.value)};\n\n`,
    );
  }
  return parts.join('');
}

/**
 * @param {import('./toolchain.mjs').ObjectFile} object
 * @param {Case} item
 * @returns {Layout}
 */
function layoutOf(object, item) {
  const [size = -1, align = -1, ...rest] = object.u32s(`layout_${item.name}`);
  const value = object.bytes(`value_${item.name}`);
  if (value.length !== size)
    throw new Error(`${item.name}: the object has ${value.length} bytes, the type ${size}`);
  /** @type {Record<string, number>} */
  const offsets = {};
  let i = 0;
  for (const path of paths(item.type)) offsets[path] = rest[i++] ?? -1;
  return { size, align, offsets, bytes: Buffer.from(value).toString('hex') };
}

/**
 * @param {readonly Case[]} cases
 * @param {readonly import('./toolchain.mjs').ObjectFile[]} objects
 */
function structsFile(cases, objects) {
  const structs = cases.map((item) => {
    /** @type {Map<string, Golden>} */
    const groups = new Map();
    ABIS.forEach((abi, i) => {
      const layout = layoutOf(/** @type {import('./toolchain.mjs').ObjectFile} */ (objects[i]), item);
      const key = JSON.stringify(layout);
      const group = groups.get(key);
      if (group) group.abis.push(abi.name);
      else groups.set(key, { abis: [abi.name], ...layout });
    });
    return { ...item, golden: [...groups.values()] };
  });
  const lines = structs.map((item) => JSON.stringify(item)).join(',\n');
  return `{"format":"carryover-gcc-structs","version":1,"seed":${SEED},"structs":[\n${lines}\n]}\n`;
}

/** @param {string} text */
function gzip(text) {
  const packed = gzipSync(text, { level: 9 });
  packed.fill(0, 4, 8); // modification time
  packed[9] = 255; // operating system: unknown
  return packed;
}

/**
 * @param {string} text
 * @param {string} name
 */
const count = (text, name) => text.split(`"group":"${name}"`).length - 1;

const cases = allCases(SEED, RANDOM_STRUCTS);
const all = [...cases.systematic, ...cases.random];
const text = source(all);

if (process.argv.includes('--source')) {
  process.stdout.write(text);
} else {
  const compilers = await Promise.all(ABIS.map(findCompiler));
  const jobs = ABIS.map((abi, i) => ({ abi, command: compilers[i]?.command ?? '' }));
  const objects = await mapTwo(jobs, (job) => compile(job.command, text));

  const systematic = structsFile(cases.systematic, objects);
  const random = structsFile(cases.random, objects);
  const passt = await passtGoldens(jobs);
  const iommu = await iommuGoldens(jobs);

  const groups = [...new Set(all.map((item) => item.group))];
  const readme = `# What GCC says

Made by \`scripts/gcc/make-goldens.mjs\`; do not edit. Every number and byte here
was written by a compiler: the structs are compiled, not run, and sizes,
alignments, offsets and the bytes of initialised objects are read from the
object files.

| file | what |
|---|---|
| \`systematic.json.gz\` | ${cases.systematic.length} structs: every width of every bit-field type, every scalar in every simple place, odd cases |
| \`random.json.gz\` | ${cases.random.length} random structs (seed ${SEED}) |
| \`passt.json\` | the structs of the January 2025 draft of passt's migration stream |
| \`iommu.json\` | the structs of the IOMMU's live update series |

Groups: ${groups.map((name) => `${name} ${count(systematic + random, name)}`).join(', ')}.

## Compilers

Options: \`${CFLAGS.join(' ')}\`

| ABI | command | version |
|---|---|---|
${jobs.map(({ abi, command }, i) => `| ${abi.name} | \`${command}\` | ${compilers[i]?.banner.replace(/^\S+ /, '')} |`).join('\n')}

To make the files again, on Debian 12:

    sh scripts/gcc/install.sh              # as root
    node scripts/gcc/make-goldens.mjs
    node scripts/gcc/make-goldens.mjs --check

Other versions of GCC should give the same structs. (GCC 15 no longer promises
that the rest of a union is zero where an initialiser names a smaller member;
for static objects, which these are, it still is.)

## systematic.json.gz and random.json.gz

    file    := { "format": "carryover-gcc-structs", "version": 1, "seed": N, "structs": [case, ..] }
    case    := { "name": string, "group": string, "type": type, "value": value, "golden": [golden, ..] }
    type    := { "int": "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "u64" | "i64"
                        | "ulong" | "long" | "size_t" | "pointer" }
             | { "char": N }                      char[N]
             | { "array": type, "count": N }      outermost dimension first
             | { "struct": body } | { "union": body }
    body    := { "packed"?: true, "aligned"?: N, "fields": [field, ..] }
    field   := { "name": string | null, "type": type, "bits"?: N, "packed"?: true, "aligned"?: N }
    golden  := { "abis": [string, ..], "size": N, "align": N, "offsets": { path: N }, "bytes": hex }

- The type of a case is a struct or a union. \`packed\` and \`aligned\` of a body are
  attributes of the type (after its closing brace), those of a field are
  attributes of the member (after its declarator). \`aligned\` is never on an unnamed
  member.
- \`name\` null with \`bits\` is an unnamed bit-field (\`bits\` 0: zero width); \`name\`
  null without \`bits\` is an anonymous struct or union, whose members are unique
  among those of the parent.
- u64 is \`unsigned long long\`, ulong \`unsigned long\`, pointer \`void *\`. Bit-fields
  are of u8 to i64, ulong and long; the last two have at most 32 bits.
- A value of u8 to i32 is a number; of u64, i64, ulong, long, size_t and pointer
  (bit-fields too) a string in decimal. Those of ulong, long, size_t and pointer fit
  in 32 bits.
- A value of \`char\` is a string of printable ASCII, at most N characters, zeros
  after it. A value of an array has all elements. A value of a struct has all
  named members, with those of anonymous members put in the value of the parent. A
  value of a union has the one member that is initialised (of an anonymous struct
  in a union: all of that struct's members). All other bytes and bits are zero.
- \`offsets\` has every named member that is not a bit-field, inner ones as \`a.b\`
  or, for arrays of structs, \`a[0].b\`; members of anonymous ones look like members
  of the parent. \`align\` is \`_Alignof\`.
- \`golden\` has one entry for all ABIs that agree on everything; each of the ten ABIs
  is in exactly one entry.

## passt.json

Sizes, alignments and offsets of each struct of \`scripts/gcc/passt.c\` for each ABI
and size of \`time_t\` (4 and 8 on 32-bit ABIs), the start of the header a source
would send (its first 32 bytes; the rest of the 65536 is zero), and the bytes of
three structs with known values. \`union flow\` is as in the releases of that
time, \`union flow_padded\` as in the draft. On m68k a bit-field does not align its
struct, so \`struct flow_sidx\` has 3 bytes there and not the 4 of all other ABIs.

## iommu.json

Sizes, alignments, offsets and bytes of each struct of \`scripts/gcc/iommu.c\` with
the value that is given for it (of unions, one member), for each ABI. Members that
are bit-fields have no offset: their bytes tell where they are.
`;

  /** @type {[string, Uint8Array][]} */
  const files = [
    ['systematic.json.gz', gzip(systematic)],
    ['random.json.gz', gzip(random)],
    ['passt.json', Buffer.from(passt)],
    ['iommu.json', Buffer.from(iommu)],
    ['README.md', Buffer.from(readme)],
  ];
  const check = process.argv.includes('--check');
  if (!check) await mkdir(OUTPUT, { recursive: true });
  let different = 0;
  for (const [name, bytes] of files) {
    if (bytes.length >= LIMIT) throw new Error(`${name} is too large: ${bytes.length}`);
    const url = new URL(name, OUTPUT);
    if (!check) {
      await writeFile(url, bytes);
      console.log(`${name} ${(await stat(url)).size}`);
      continue;
    }
    const plain = (/** @type {Uint8Array} */ b) => Buffer.from(name.endsWith('.gz') ? gunzipSync(b) : b);
    const same = plain(bytes).equals(plain(await readFile(url)));
    console.log(`${name} ${same ? 'same' : 'DIFFERENT'}`);
    if (!same) different++;
  }
  process.exitCode = different > 0 ? 1 : 0;
}
