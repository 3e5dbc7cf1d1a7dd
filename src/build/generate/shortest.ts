/** The shortest value that a spec may have in a place. */
import type { Shape } from '../spec/shape.js';

export function shortest(shape: Shape): unknown {
  switch (shape.kind) {
    case 'word':
    case 'number':
    case 'flags':
      return 0;
    case 'text':
      return '';
    case 'choice':
      return shape.values[0];
    case 'boolean':
      return false;
    case 'constant':
      return shape.value;
    case 'list':
      return [];
    case 'map':
      return {};
    case 'either': {
      const [first] = shape.of;
      return first === undefined ? undefined : shortest(first);
    }
    case 'object':
      return Object.fromEntries(
        Object.entries(shape.fields)
          .filter(([, { required }]) => required)
          .map(([key, field]) => [key, shortest(field.shape)]),
      );
  }
}
