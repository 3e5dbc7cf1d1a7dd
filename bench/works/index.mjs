import { work as builds } from './builds.mjs';
import { work as cold } from './cold.mjs';
import { work as dumps } from './dumps.mjs';
import { work as fileFolios } from './file-folios.mjs';
import { work as folios } from './folios.mjs';
import { work as generate } from './generate.mjs';
import { work as header } from './header.mjs';
import { work as iommuState } from './iommu-state.mjs';
import { work as iommuWalk } from './iommu-walk.mjs';
import { work as named } from './named.mjs';
import { work as records } from './records.mjs';

/** In the order of the table. @type {import('../types.d.ts').Work[]} */
export const works = [
  records,
  named,
  header,
  cold,
  folios,
  fileFolios,
  dumps,
  builds,
  generate,
  iommuWalk,
  iommuState,
];
