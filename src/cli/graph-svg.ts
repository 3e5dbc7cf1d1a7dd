/** A graph as SVG: Graphviz, compiled to WebAssembly, does the layout. Loaded only when a picture is asked for. */
import { UsageError } from './context.js';

/** What is used of the package. */
interface Graphviz {
  instance(): Promise<{
    renderString(dot: string, options: { readonly format: string; readonly engine: string }): string;
  }>;
}

/** Its own types speak of the DOM, which Node does not have: the compiler is not shown the name. */
const PACKAGE: string = '@viz-js/viz';

/**
 * The picture of a text in Graphviz's language. `load` gives the package that draws it.
 *
 * @throws UsageError where the package, which is optional, is not installed.
 */
export async function svgOf(
  dot: string,
  load: () => Promise<Graphviz> = () => import(PACKAGE),
): Promise<string> {
  const { instance } = await installed(load);
  const viz = await instance();
  return viz.renderString(dot, { format: 'svg', engine: 'dot' });
}

async function installed(load: () => Promise<Graphviz>): Promise<Graphviz> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')
      throw new UsageError(
        'SVG takes the package @viz-js/viz, which is not installed: npm install @viz-js/viz, or --format dot and dot -Tsvg',
        { cause: error },
      );
    throw error;
  }
}
