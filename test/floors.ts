import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix, relative, sep } from 'node:path';
import ts from 'typescript';

/**
 * Which other parts of src/ a part may import. Parts that share a floor (build, fuzz) may not import each
 * other. `index` is src/index.ts. `interop` and `testing` lean on optional peer dependencies, so nobody
 * imports them: whoever has the peer asks for the subpath.
 */
const MAY_IMPORT = {
  codec: [],
  memory: ['codec'],
  formats: ['codec', 'memory'],
  state: ['codec', 'memory', 'formats'],
  build: ['codec', 'memory', 'formats', 'state'],
  fuzz: ['codec', 'memory', 'formats', 'state'],
  interop: ['codec'],
  testing: ['codec'],
  index: ['codec', 'memory', 'formats', 'state', 'build', 'fuzz'],
  cli: ['codec', 'memory', 'formats', 'state', 'build', 'fuzz', 'index'],
} as const satisfies Record<string, readonly string[]>;

type Part = keyof typeof MAY_IMPORT;

/** What a part may import from outside src/; a part that is not named may import anything. */
const OUTSIDE: Partial<Record<Part, 'nothing' | 'no Node module'>> = {
  codec: 'nothing',
  memory: 'no Node module',
  formats: 'no Node module',
};

interface Import {
  /** Undefined where the target is computed: `import(name)`. */
  readonly specifier: string | undefined;
  readonly line: number;
  /** Gone after compilation (`import type`, `export type`, `import('x').T`), hence never part of a circle. */
  readonly typeOnly: boolean;
}

/** Path below src/, with forward slashes -> text. */
export type Sources = ReadonlyMap<string, string>;

export function readSources(root: string): Sources {
  const sources = new Map<string, string>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(?:[cm]?[jt]s|json)$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    sources.set(relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8'));
  }
  return sources;
}

/** Every violation as one line, `file:line: what is wrong`, and every circle as one line. */
export function violations(sources: Sources): string[] {
  const found: string[] = [];
  const graph = new Map<string, Set<string>>();

  for (const [file, text] of sources) {
    const edges = new Set<string>();
    graph.set(file, edges);
    if (file.endsWith('.json')) continue;
    const part = partOf(file);
    if (part === undefined) {
      found.push(`${file}: belongs to no part of src/; name it in MAY_IMPORT`);
      continue;
    }
    for (const { specifier, line, typeOnly } of importsOf(file, text)) {
      const say = (what: string) => found.push(`${file}:${line}: ${what}`);
      if (specifier === undefined) {
        if (OUTSIDE[part] !== undefined) say(`${part} may not import what is only known at run time`);
        continue;
      }
      if (!/^\.{0,2}\/|^\.{1,2}$/.test(specifier)) {
        if (/^#|^carryover(?:\/|$)/.test(specifier)) say(`import '${specifier}' by its relative path`);
        else if (OUTSIDE[part] === 'nothing') say(`${part} imports nothing from outside, but '${specifier}'`);
        else if (OUTSIDE[part] !== undefined && isBuiltin(specifier)) {
          say(`${part} runs in browsers, but imports '${specifier}'`);
        }
        continue;
      }
      const target = resolve(file, specifier, sources);
      if (target === undefined) {
        say(`'${specifier}' is no file of src/`);
        continue;
      }
      const targetPart = partOf(target);
      const allowed: readonly string[] = MAY_IMPORT[part];
      if (targetPart !== undefined && targetPart !== part && !allowed.includes(targetPart)) {
        say(`${part} may not import ${targetPart} ('${specifier}')`);
      }
      if (!typeOnly) edges.add(target);
    }
  }
  return [...found, ...circles(graph).map((circle) => `circle: ${circle.join(' -> ')}`)];
}

function partOf(file: string): Part | undefined {
  const slash = file.indexOf('/');
  if (slash === -1) return file === 'index.ts' ? 'index' : undefined;
  const name = file.slice(0, slash);
  return name !== 'index' && Object.hasOwn(MAY_IMPORT, name) ? (name as Part) : undefined;
}

function resolve(from: string, specifier: string, sources: Sources): string | undefined {
  if (specifier.startsWith('/')) return undefined;
  const path = posix.join(posix.dirname(from), specifier);
  const asTypeScript = path.replace(/\.([cm]?)js$/, '.$1ts');
  const asDeclaration = path.replace(/\.([cm]?)js$/, '.d.$1ts');
  return [asTypeScript, path, asDeclaration].find((candidate) => sources.has(candidate));
}

function importsOf(file: string, text: string): Import[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const add = (specifier: ts.Node | undefined, at: ts.Node, typeOnly: boolean) => {
    imports.push({
      specifier: specifier !== undefined && ts.isStringLiteralLike(specifier) ? specifier.text : undefined,
      line: source.getLineAndCharacterOfPosition(at.getStart(source)).line + 1,
      typeOnly,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      // `import { type T }` stays behind as `import {}` under verbatimModuleSyntax: not type-only.
      add(node.moduleSpecifier, node, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) {
      if (node.moduleSpecifier !== undefined) add(node.moduleSpecifier, node, node.isTypeOnly);
    } else if (ts.isImportEqualsDeclaration(node)) {
      if (ts.isExternalModuleReference(node.moduleReference)) {
        add(node.moduleReference.expression, node, node.isTypeOnly);
      }
    } else if (ts.isImportTypeNode(node)) {
      if (ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, node, true);
    } else if (ts.isCallExpression(node)) {
      const { expression } = node;
      const isRequire = ts.isIdentifier(expression) && expression.text === 'require';
      if (expression.kind === ts.SyntaxKind.ImportKeyword || isRequire) add(node.arguments[0], node, false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const { fileName, pos } of source.typeReferenceDirectives) {
    const line = source.getLineAndCharacterOfPosition(pos).line + 1;
    imports.push({ specifier: fileName, line, typeOnly: true });
  }
  return imports;
}

/** One circle for every edge that leads back to a file still being visited, depth first. */
function circles(graph: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start !== -1) {
      found.push([...path.slice(start), file]);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of [...graph.keys()].sort()) visit(file);
  return found;
}
