/** Runs the examples that stand in doc comments and in the README, so that none of them can be wrong. */
import ts from 'typescript';

export interface Example {
  /** File and line, for the name of the test. */
  readonly where: string;
  readonly code: string;
}

/** The `@example` blocks of the doc comments in a source file. */
export function examplesInComments(file: string, text: string): Example[] {
  const examples: Example[] = [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const visit = (node: ts.Node): void => {
    for (const tag of ts.getJSDocTags(node)) {
      if (tag.tagName.text !== 'example' || tag.parent.parent !== node) continue;
      const line = source.getLineAndCharacterOfPosition(tag.pos).line + 1;
      const code = text
        .slice(tag.tagName.end, tag.end)
        .split('\n')
        .map((line) => line.replace(/^\s*\*( |\/?$)/, ''))
        .join('\n')
        .replace(/^\s*```\w*|```\s*$/g, '');
      examples.push({ where: `${file}:${line}`, code });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return examples;
}

/** The fenced blocks of a Markdown file that are in the given language. */
export function fencedBlocks(file: string, text: string, language: string): Example[] {
  const blocks: Example[] = [];
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  for (const match of text.matchAll(fence)) {
    const line = text.slice(0, match.index).split('\n').length;
    blocks.push({ where: `${file}:${line}`, code: match[1] ?? '' });
  }
  return blocks;
}

/** What an example says a line gives, and what it gave. */
export interface Outcome {
  readonly line: string;
  readonly actual: unknown;
  readonly expected: unknown;
}

type Modules = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * Runs an example. A line that ends in `// => value` says what its expression (or the constant it declares)
 * has to be: a JavaScript expression, or two and more bytes in hex (`01 00 02`). `// throws code` says which error it
 * throws. Names that are not imported come from `scope`.
 */
export function runExample(
  example: Example,
  modules: Modules,
  scope: Readonly<Record<string, unknown>>,
): Outcome[] {
  const source = ts.createSourceFile('example.ts', example.code, ts.ScriptTarget.ES2022, true);
  const imported = new Set<string>();
  const lines: string[] = [];
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement) && ts.isStringLiteral(statement.moduleSpecifier)) {
      const from = statement.moduleSpecifier.text;
      if (modules[from] === undefined)
        throw new Error(`${example.where} imports ${from}, which is not a module of carryover`);
      const bindings = statement.importClause?.namedBindings;
      if (bindings === undefined || !ts.isNamedImports(bindings)) continue;
      for (const { name, propertyName } of bindings.elements) {
        imported.add(name.text);
        lines.push(
          `const ${name.text} = modules[${JSON.stringify(from)}][${JSON.stringify((propertyName ?? name).text)}];`,
        );
      }
      continue;
    }
    const text = statement.getText(source);
    const comment = /^[^\n]*?\/\/ (=>|throws) (.*)$/m.exec(
      example.code.slice(statement.end).split('\n', 1)[0] ?? '',
    );
    if (comment === null) lines.push(text);
    else lines.push(checked(statement, text, comment[1] === 'throws', comment[2] ?? ''));
  }
  const free = Object.keys(scope).filter((name) => !imported.has(name) && !declares(source, name));
  const body = ts.transpile(lines.join('\n'), {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
  });
  const run = new Function(
    'modules',
    'scope',
    'outcomes',
    `'use strict'; const {${free.join(', ')}} = scope;\n{${body}\n}`,
  );
  const outcomes: Outcome[] = [];
  run(modules, scope, outcomes);
  return outcomes;
}

function checked(statement: ts.Statement, text: string, throws: boolean, expected: string): string {
  const line = JSON.stringify(text);
  if (throws)
    return `{ let code = 'nothing'; try { ${text} } catch (error) { code = error.code; } outcomes.push({ line: ${line}, actual: code, expected: ${JSON.stringify(expected)} }); }`;
  const value = /^[0-9a-f]{2}( [0-9a-f]{2})+$/.test(expected)
    ? `Uint8Array.of(${expected
        .split(' ')
        .map((byte) => `0x${byte}`)
        .join(', ')})`
    : `(${expected})`;
  if (ts.isVariableStatement(statement)) {
    const name = statement.declarationList.declarations[0]?.name.getText() ?? '';
    return `${text}\noutcomes.push({ line: ${line}, actual: ${name}, expected: ${value} });`;
  }
  return `outcomes.push({ line: ${line}, actual: (${text.replace(/;$/, '')}), expected: ${value} });`;
}

function declares(source: ts.SourceFile, name: string): boolean {
  return source.statements.some(
    (statement) =>
      (ts.isVariableStatement(statement) &&
        statement.declarationList.declarations.some(
          (declaration) => declaration.name.getText(source) === name,
        )) ||
      ((ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) &&
        statement.name?.text === name),
  );
}
