import { lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wrap } from '../../src/cli/findings-text.js';
import { type IO, writeLines } from '../../src/cli/io.js';
import { jsonText } from '../../src/cli/json-text.js';
import { createFile, openPath } from '../../src/cli/node-files.js';
import { nodeIO } from '../../src/cli/node-io.js';
import { run } from '../../src/cli/run.js';
import { wantsColor } from '../../src/cli/style.js';

function fake(changes: Partial<IO> = {}): { io: IO; errors: string[] } {
  const errors: string[] = [];
  const io: IO = {
    env: {},
    stdoutIsTTY: false,
    stderrIsTTY: false,
    columns: undefined,
    readStdin: async () => new Uint8Array(),
    readFile: async (path) => new Uint8Array(await readFile(path)),
    openPath,
    createFile,
    makeDirectory: async () => undefined,
    isSameFile: async () => false,
    writeFile: async () => undefined,
    write: async () => true,
    writeError: (text) => {
      errors.push(text);
    },
    copyPatched: async () => undefined,
    changePatched: async () => undefined,
    undoPatch: async () => false,
    gunzip: (bytes) => bytes,
    gzip: (bytes) => bytes,
    ...changes,
  };
  return { io, errors };
}
const capture = 'fixtures/passt/v2-zero-flows.bin';

describe('a bug', () => {
  const broken = async (): Promise<boolean> => {
    throw new TypeError('boom');
  };
  it('exits with 3, in one line and how to report it', async () => {
    const { io, errors } = fake({ write: broken });
    expect(await run(['decode', capture], io, '0')).toBe(3);
    expect(errors.join('')).toMatch(
      /^carryover: this is a bug of carryover: TypeError: boom\n {2}please report it/,
    );
  });
  it('shows its stack on request', async () => {
    const { io, errors } = fake({ write: broken, env: { CARRYOVER_DEBUG: '1' } });
    expect(await run(['decode', capture], io, '0')).toBe(3);
    expect(errors.join('')).toContain('run.test.ts');
  });
});

describe('a reader that goes away', () => {
  it('stops what is being made for it', async () => {
    let made = 0;
    function* endless(): Generator<string> {
      for (;;) {
        made++;
        yield 'x'.repeat(1000);
      }
    }
    await writeLines(fake({ write: async () => false }).io, endless());
    expect(made).toBeLessThan(100);
  });
});

describe('bytes for a terminal', () => {
  it('are refused', async () => {
    const { io, errors } = fake({ stdoutIsTTY: true });
    expect(await run(['get', '--raw', capture, 'addresses'], io, '0')).toBe(2);
    expect(errors.join('')).toContain('stdout is a terminal');
  });
});

describe('colours', () => {
  const cases: [string, Record<string, string>, boolean, 'auto' | 'always' | 'never', boolean][] = [
    ['a terminal has them', {}, true, 'auto', true],
    ['a pipe has none', {}, false, 'auto', false],
    ['NO_COLOR takes them away', { NO_COLOR: '1' }, true, 'auto', false],
    ['an empty NO_COLOR says nothing', { NO_COLOR: '' }, true, 'auto', true],
    ['FORCE_COLOR gives them to a pipe', { FORCE_COLOR: '1' }, false, 'auto', true],
    ['FORCE_COLOR=0 takes them away', { FORCE_COLOR: '0' }, true, 'auto', false],
    ['a dumb terminal has none', { TERM: 'dumb' }, true, 'auto', false],
    ['always wins over NO_COLOR', { NO_COLOR: '1' }, false, 'always', true],
    ['never wins over FORCE_COLOR', { FORCE_COLOR: '1' }, true, 'never', false],
  ];
  for (const [what, env, stdoutIsTTY, mode, expected] of cases)
    it(what, () => expect(wantsColor(fake({ env, stdoutIsTTY }).io, mode)).toBe(expected));
});

describe('JSON as text', () => {
  it('is what JSON.parse reads, at every depth', () => {
    const value = {
      a: [],
      b: {},
      c: [1, 'x', null, true],
      d: [{ e: { f: { g: [{ h: '\ud800"\n' }, []] } } }],
    };
    expect(JSON.parse([...jsonText(value)].join(''))).toEqual(value);
    expect([...jsonText([])].join('')).toBe('[]\n');
    expect([...jsonText('x')].join('')).toBe('"x"\n');
  });
});

describe('wrap', () => {
  it('breaks at spaces, and leaves long words whole', () => {
    expect(wrap('aaa bbb ccc', 20)).toEqual(['aaa bbb ccc']);
    expect(wrap(`${'a'.repeat(15)} ${'b'.repeat(30)} c`, 20)).toEqual(['a'.repeat(15), 'b'.repeat(30), 'c']);
    expect(wrap('a\n\nb', 40)).toEqual(['a', '', 'b']);
  });
});

describe('files', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'carryover-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const { writeFile: write, readFile: read } = nodeIO();

  it('are replaced as a whole, and keep their mode', async () => {
    const path = join(folder, 'a.bin');
    await writeFile(path, 'before', { mode: 0o640 });
    await write(path, Uint8Array.of(1, 2, 3));
    expect(new Uint8Array(await read(path))).toEqual(Uint8Array.of(1, 2, 3));
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect(await readdir(folder)).toEqual(['a.bin']);
  });
  it('leave nothing behind where they cannot be written', async () => {
    await expect(write(join(folder, 'none', 'a.bin'), Uint8Array.of(1))).rejects.toThrow('ENOENT');
    expect(await readdir(folder)).toEqual(['a.bin']);
  });
  it('that links lead to are written, and the links stay', async () => {
    const target = join(folder, 'target.bin');
    const link = join(folder, 'link.bin');
    await writeFile(target, 'before');
    await symlink(target, link);
    await write(link, Uint8Array.of(7));
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(new Uint8Array(await readFile(target))).toEqual(Uint8Array.of(7));
    await rm(link);
    await rm(target);
  });
  it('without an end are read up to a limit', { timeout: 60_000 }, async () => {
    await expect(read('/dev/zero')).rejects.toThrow('the input is larger than a buffer can be here');
  });
  it('are left as they were when an edit fails', async () => {
    const path = join(folder, 'b.bin');
    await writeFile(path, await readFile(capture));
    const { io, errors } = fake({ writeFile: write });
    expect(await run(['set', path, 'header.version=-1', '--in-place'], io, '0')).toBe(2);
    expect(errors.join('')).toContain('value-range');
    expect(await readFile(path)).toEqual(await readFile(capture));
    expect(await run(['set', path, 'header.version=3', '--in-place'], io, '0')).toBe(0);
    expect((await readFile(path))[11]).toBe(3);
  });
});

describe('words that make no sense', () => {
  const told = async (...words: string[]): Promise<[number, string]> => {
    const { io, errors } = fake();
    return [await run(words, io, '0'), errors.join('').split('\n')[0] ?? ''];
  };
  it.each([
    [['decod', 'x'], 'carryover: there is no verb "decod"; did you mean decode?'],
    [['help', 'nope'], 'carryover: there is no verb "nope"'],
    [['set', capture, '=3', '-o', '-'], 'carryover: "=3" is not PATH=VALUE [edit-impossible]'],
    [
      ['set', capture, 'header.version=x', '-o', '-'],
      'carryover: header.version: this is not an integer [value-type]',
    ],
  ])('%j', async (words, message) => {
    expect(await told(...words)).toEqual([2, message]);
  });
  it('are not blamed for what a document says', async () => {
    const { io, errors } = fake({
      readFile: async () =>
        new TextEncoder().encode('{"format":"passt","generation":"v9","abi":"x86_64","value":{}}'),
    });
    expect(await run(['encode', 'value.json'], io, '0')).toBe(1);
    expect(errors.join('')).toContain('carryover: value.json: passt has no generation "v9"');
  });
});
