import { work as cold } from './cold.mjs';
import { work as dumps } from './dumps.mjs';
import { work as folios } from './folios.mjs';
import { work as header } from './header.mjs';
import { work as named } from './named.mjs';
import { work as records } from './records.mjs';

/** In the order of the table. @type {import('../types.d.ts').Work[]} */
export const works = [records, named, header, cold, folios, dumps];
