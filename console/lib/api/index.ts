export { api, read, readVersioned, type Versioned } from './client';
export { isProblem, ProblemError } from './problem';
export type * from './schema';
