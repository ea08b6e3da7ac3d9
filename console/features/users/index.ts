export { UserCreate } from './create';
export { UserDetail } from './detail';
export { UserList } from './list';
