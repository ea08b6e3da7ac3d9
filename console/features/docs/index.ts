export { DocumentPage } from './page';
export { allDocuments, documentAt, type Document } from './source';
