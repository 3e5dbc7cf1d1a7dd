/** What specs may say as a table for people: each object with its keys. */
import type { ObjectShape, Shape } from './shape.js';

export interface TableRow {
  readonly key: string;
  /** What stands there: `a number`, `a list of sessions`. */
  readonly value: string;
  readonly doc: string;
  readonly required: boolean;
}
export interface Table {
  readonly name: string;
  readonly doc: string;
  readonly rows: readonly TableRow[];
}

/** The tables of a shape: the object itself first, then those that it leads to, each once. */
export function tablesOf(shape: Shape): readonly Table[] {
  const tables = new Map<string, Table>();
  visit(shape, tables);
  return [...tables.values()];
}

function visit(shape: Shape, tables: Map<string, Table>): void {
  switch (shape.kind) {
    case 'object':
      if (tables.has(shape.name)) return;
      tables.set(shape.name, tableOf(shape));
      for (const field of Object.values(shape.fields)) visit(field.shape, tables);
      return;
    case 'list':
    case 'map':
      visit(shape.of, tables);
      return;
    case 'either':
      for (const each of shape.of) visit(each, tables);
      return;
    default:
      return;
  }
}

function tableOf({ name, doc, fields }: ObjectShape): Table {
  return {
    name,
    doc,
    rows: Object.entries(fields).map(([key, field]) => ({
      key,
      value: valueText(field.shape),
      doc: field.doc,
      required: field.required,
    })),
  };
}

/** The tables as Markdown. */
export function tablesMarkdown(tables: readonly Table[], heading = '###'): string {
  return tables
    .map(({ name, doc, rows }) => {
      const lines = rows.map(
        ({ key, value, doc, required }) =>
          `| \`${key}\`${required ? ' *' : ''} | ${cell(value)} | ${cell(doc)} |`,
      );
      return [
        `${heading} ${name}`,
        '',
        `${doc}.`,
        '',
        '| key | value | |',
        '|---|---|---|',
        ...lines,
        '',
      ].join('\n');
    })
    .join('\n');
}
/** A bar would end the cell, also between backticks. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** What a value of the shape is called. */
function valueText(shape: Shape): string {
  switch (shape.kind) {
    case 'word':
    case 'number':
      return 'number';
    case 'text':
      return 'text';
    case 'choice':
      return shape.values.join(' | ');
    case 'boolean':
      return 'true or false';
    case 'constant':
      return String(shape.value);
    case 'flags':
      return 'number, or list of names';
    case 'list':
      return `list of: ${valueText(shape.of)}`;
    case 'map':
      return `by name: ${valueText(shape.of)}`;
    case 'object':
      return shape.name;
    case 'either':
      return shape.of.map(valueText).join(', or ');
  }
}
