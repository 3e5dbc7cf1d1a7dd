/** What a device tree means when two are compared: nodes by their paths, properties by their names. */
import type { Meaning } from '../meaning.js';

const NODE: Meaning = {
  fields: {
    properties: { key: 'name' },
    nodes: { key: 'name', each: () => NODE },
  },
};

export const FDT_MEANING: Meaning = {
  fields: {
    version: { is: 'generation' },
    last_comp_version: { is: 'generation' },
    read_as: { is: 'generation' },
    layout: { is: 'layout' },
    padding: { is: 'layout' },
    image: { is: 'layout' },
    root: NODE,
  },
};
