export { AuditEventList } from './list';
