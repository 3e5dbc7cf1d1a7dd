/**
 * The codec works where text must not become code (a strict Content-Security-Policy) and where there is no
 * Node: in a process of its own that refuses `eval` and `new Function`, without `Buffer` and `process`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const codec = fileURLToPath(new URL('../../src/codec/', import.meta.url));
const files = readdirSync(codec, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);

/** Places in a file where text could become code, or where that is asked for. */
function evaluations(name: string, text: string): string[] {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const names = ts.isIdentifier(node) && (node.text === 'eval' || node.text === 'Function');
    // `Function` as a type says nothing; `x.Function` and `x['eval']` may be the global ones.
    if (names && !ts.isTypeReferenceNode(node.parent)) found.push(node.getText(file));
    if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression))
      if (['eval', 'Function'].includes(node.argumentExpression.text)) found.push(node.getText(file));
    // Functions have it too: (() => {}).constructor('…').
    if (
      ts.isPropertyAccessExpression(node) &&
      node.name.text === 'constructor' &&
      ts.isCallExpression(node.parent)
    )
      found.push(node.getText(file));
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found.map((what) => `${name}: ${what}`);
}

describe('the source', () => {
  it('has no eval, but in jit.ts', () => {
    expect(files).toContain('read.ts');
    const found = files
      .filter((name) => name !== 'jit.ts')
      .flatMap((name) => evaluations(name, readFileSync(join(codec, name), 'utf8')));
    expect(found).toEqual([]);
  });

  it.each([
    `eval('1')`,
    `new Function('return 1')()`,
    `Function('return 1')()`,
    `globalThis.eval('1')`,
    `globalThis['Function']('return 1')`,
    `(0, eval)('1')`,
    `(() => 1).constructor('return 1')()`,
  ])('is told from %s', (text) => {
    expect(evaluations('a.ts', text)).toHaveLength(1);
    expect(evaluations('a.ts', `// ${text}\nconst text = ${JSON.stringify(text)};`)).toEqual([]);
  });
});

describe('in a process that refuses eval, without Buffer and process', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'carryover-no-eval-'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    for (const name of files.filter((one) => one !== 'jit.ts')) {
      const { outputText } = ts.transpileModule(readFileSync(join(codec, name), 'utf8'), {
        compilerOptions: {
          target: ts.ScriptTarget.ES2022,
          module: ts.ModuleKind.ESNext,
          verbatimModuleSyntax: true,
        },
      });
      const to = join(folder, 'codec', name.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, outputText);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a body with everything the codec exports in scope as `codec`; gives what it returns. */
  function run(body: string): unknown {
    const script = join(folder, 'run.js');
    writeFileSync(
      script,
      `for (const name of ['Buffer', 'process', 'global', 'setImmediate', 'require'])
  delete globalThis[name];
const missing = ['Buffer', 'process'].every((name) => !(name in globalThis));
const codec = await import('./codec/index.js');
const result = (() => {${body}})();
console.log(JSON.stringify({ missing, result }, (_, value) => typeof value === 'bigint' ? value + 'n' : value));`,
    );
    const out = execFileSync(process.execPath, ['--disallow-code-generation-from-strings', script], {
      encoding: 'utf8',
    });
    const { missing, result } = JSON.parse(out) as { missing: boolean; result: unknown };
    expect(missing).toBe(true);
    return result;
  }

  it('really refuses', () => {
    expect(
      run(`const refused = (make) => { try { make(); return 'made'; } catch (error) { return error.name; } };
return [refused(() => new Function('return 1')), refused(() => (0, eval)('1'))];`),
    ).toEqual(['EvalError', 'EvalError']);
  });

  const schema = `
const { ABI, array, asNumber, bits, chars, countedBy, field, struct, taggedUnion, u8, u16, u32, u64 } = codec;
const Rec = struct('rec', { a: u8, b: u32, c: u64, n: asNumber(u64), lo: bits(u64, 52), hi: bits(u64, 12), name: chars(8) });
const Doc = struct('doc', {
  type: u8, count: u16, records: array(Rec, countedBy('count')),
  u: taggedUnion('u', field('type'), { 1: 'x' }, { x: u32, y: u8 }),
});
const record = (i) => ({ a: i & 255, b: i, c: BigInt(i), n: i, lo: i, hi: 7, name: 'r' + i });
const doc = { type: 1, count: 300, records: Array.from({ length: 300 }, (_, i) => record(i)), u: { x: 5 } };
const machines = [ABI.x86_64, ABI.s390x];
`;

  it('decodes and encodes', () => {
    expect(
      run(`${schema}return machines.map((abi) => {
  const bytes = codec.encode(Doc, doc, { abi });
  const back = codec.decode(Doc, bytes, { abi });
  return [bytes.length, back.records[299], back.u, codec.toHex(codec.encode(Doc, back, { abi })) === codec.toHex(bytes)];
});`),
    ).toEqual(
      [0, 1].map(() => [
        4 + 4 + 300 * 40 + 4,
        { a: 43, b: 299, c: '299n', n: 299, lo: 299, hi: 7, name: 'r299' },
        { x: 5 },
        true,
      ]),
    );
  });

  it('views', () => {
    expect(
      run(`${schema}return machines.map((abi) => {
  const bytes = codec.encode(Doc, doc, { abi });
  const view = codec.view(Doc, bytes, { abi });
  view.records.at(1).c = 77n;
  const array = codec.viewArray(Rec, codec.encodeArray(Rec, doc.records, { abi }), { abi });
  return [view.u.x, view.records.at(1).c, codec.toObject(view.records.at(2)).name, array.at(9).lo, array.field('c')(9), codec.sizeIn(Doc, bytes, { abi }) === bytes.length];
});`),
    ).toEqual([0, 1].map(() => [5, '77n', 'r2', 9, '9n', true]));
  });

  it('reads columns and records', () => {
    expect(
      run(`${schema}return machines.map((abi) => {
  const bytes = codec.encodeArray(Rec, doc.records, { abi });
  const columns = codec.columns(Rec, bytes, { abi });
  return [columns.c[298], columns.lo[299], codec.decodeArray(Rec, bytes, { abi })[298].b];
});`),
    ).toEqual([0, 1].map(() => ['298n', 299, 298]));
  });

  it('tells errors', () => {
    expect(
      run(`${schema}try { codec.decodeArray(Rec, new Uint8Array(79), { abi: ABI.x86_64, count: 2 }); }
catch (error) { return [error.code, error.offset]; }`),
    ).toEqual(['truncated', 40]);
  });
});
