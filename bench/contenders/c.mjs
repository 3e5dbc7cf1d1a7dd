/**
 * C at -O2, compiled when the benchmark runs. The program gets the data on its stdin, then a line
 * with a number of passes per round, and answers with nanoseconds and the checksum of its result.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Unavailable } from '../keep.mjs';
import { same } from '../works/checksum.mjs';

/** @param {string} name @param {string} output */
function compile(name, output) {
  const source = fileURLToPath(new URL(`../c/${name}.c`, import.meta.url));
  for (const compiler of [process.env.CC, 'cc', 'gcc', 'clang']) {
    if (!compiler) continue;
    try {
      execFileSync(compiler, ['-O2', '-o', output, source], { stdio: ['ignore', 'ignore', 'pipe'] });
      return;
    } catch (error) {
      if (/** @type {any} */ (error).code !== 'ENOENT') throw error;
    }
  }
  throw new Unavailable('no C compiler');
}

/**
 * @param {string} name
 * @param {Uint8Array[]} inputs what the program reads before its rounds, one after the other
 * @param {(string | number)[]} words of its command line
 */
function start(name, inputs, words) {
  const directory = mkdtempSync(join(tmpdir(), 'carryover-bench-'));
  let child;
  try {
    compile(name, join(directory, name));
    child = spawn(join(directory, name), words.map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
  } catch (error) {
    rmSync(directory, { recursive: true });
    throw error;
  }
  const program = child;
  for (const bytes of inputs) program.stdin.write(bytes);
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();

  /** @param {number} passes */
  async function round(passes) {
    program.stdin.write(`${passes}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`the C program ${name} ended`);
    const [ns, checksum] = String(value).split(' ').map(Number);
    return { ns, checksum };
  }
  return {
    timedPasses: async (/** @type {number} */ passes) => (await round(passes)).ns,
    async verify(/** @type {number} */ expected) {
      const { checksum } = await round(1);
      // The program runs; its file is no longer needed.
      rmSync(directory, { recursive: true });
      same(checksum, expected, `C ${name}`);
    },
    close: () => program.stdin.end(),
  };
}

export const tasks = {
  columns: ({ sets: [set] }) => start('columns', [set.bytes], [set.count]),
  runs: ({ bytes, items }) => start('runs', [bytes], [items]),
  /** @param {FileData} data */
  fileRuns: (data) => fileRuns('plain', data),
  /** @param {FileData} data */
  filePreserved: (data) => fileRuns('preserved', data),
};

/** @typedef {import('../works/file-folios.mjs').FileData} FileData */

/** @param {'plain' | 'preserved'} mode @param {FileData} data */
function fileRuns(mode, { bytes, items, starts, counts, orders, filePages }) {
  const u64 = (/** @type {Float64Array} */ list) =>
    new Uint8Array(BigUint64Array.from(list, (value) => BigInt(value)).buffer);
  return start(
    'file-runs',
    [bytes, u64(starts), u64(counts), orders],
    [mode, items, starts.length, filePages],
  );
}
