export { Access, type ServiceOfPort } from './access.js';
export {
  editAccessFile,
  readAccessFile,
  type AccessRules,
  type AccessRulesInput,
  type Grant,
  type IdentitySettings,
} from './accessFile.js';
export type { CallerAccess } from './callerAccess.js';
export type { Peer, PeerCertificate } from './peer.js';
export { permissionOf, type Permission } from './identity.js';
export type { PortAccess } from './portAccess.js';
export { roles, type MethodNeed, type Role, type RolesOf, type ServiceRoles } from './roles.js';
export { newToken, type TokenRecord } from './token.js';
