import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireProgram } from './programs.ts'
import { type Scratch, scratchDirectory } from './scratch.ts'

/** Paths of one server's certificate. */
export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
}

/** An authority and certificates of each kind that a client has to accept or refuse. */
export interface Certificates {
  /** The authority's own certificate, for a client's `ca` option. */
  readonly ca: string
  readonly caFile: string
  /** For localhost and 127.0.0.1. */
  readonly good: Certificate
  /** Another good one, for a renewal. */
  readonly renewed: Certificate
  readonly expired: Certificate
  /** Signed by the authority, for a host that nobody here has. */
  readonly wrongHost: Certificate
  readonly selfSigned: Certificate
  remove(): void
}

/** Makes the authority and all certificates. About a tenth of a second. */
export function makeCertificates(): Certificates {
  const scratch = scratchDirectory()
  const openssl = opensslIn(scratch)
  openssl('req', '-x509', ...newKey('ca'), '-days', '2', '-subj', '/CN=Holdfast lab authority')
  const local = 'DNS:localhost,IP:127.0.0.1,IP:::1'
  const signed = (name: string, subjectAltName: string, ...validity: string[]) => {
    openssl('req', '-new', ...newKey(name, 'csr'), '-subj', `/CN=${name}`)
    writeFileSync(join(scratch.path, `${name}.ext`), `subjectAltName=${subjectAltName}\n`)
    const from = ['-in', `${name}.csr`, '-extfile', `${name}.ext`]
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAserial', 'ca.srl']
    const serial = existsSync(join(scratch.path, 'ca.srl')) ? [] : ['-CAcreateserial']
    openssl('x509', '-req', ...from, ...by, ...serial, ...validity, '-out', `${name}.crt`)
    return certificate(scratch, name)
  }
  const days = ['-days', '2']
  const good = signed('good', local, ...days)
  const renewed = signed('renewed', local, ...days)
  const wrongHost = signed('wrong-host', 'DNS:elsewhere.test', ...days)
  const expired = expiredCertificate(scratch, openssl, local)
  openssl(
    'req',
    '-x509',
    ...newKey('self-signed'),
    ...days,
    '-subj',
    '/CN=localhost',
    '-addext',
    `subjectAltName=${local}`,
  )
  return {
    ca: readFileSync(join(scratch.path, 'ca.crt'), 'utf8'),
    caFile: join(scratch.path, 'ca.crt'),
    good,
    renewed,
    expired,
    wrongHost,
    selfSigned: certificate(scratch, 'self-signed'),
    remove: scratch.remove,
  }
}

type OpenSsl = (...args: string[]) => void

function opensslIn(scratch: Scratch): OpenSsl {
  const program = requireProgram('openssl')
  return (...args) => {
    execFileSync(program, args, { cwd: scratch.path, stdio: ['ignore', 'ignore', 'pipe'] })
  }
}

const newKey = (name: string, extension = 'crt') => [
  ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
  ...['-keyout', `${name}.key`, '-out', `${name}.${extension}`],
]

const certificate = (scratch: Scratch, name: string): Certificate => ({
  certFile: join(scratch.path, `${name}.crt`),
  keyFile: join(scratch.path, `${name}.key`),
})

/** `openssl x509` of older versions cannot set dates; `openssl ca` always could. */
function expiredCertificate(scratch: Scratch, openssl: OpenSsl, subjectAltName: string) {
  const config = [
    '[ca]\ndefault_ca=lab',
    '[lab]\ndatabase=index.txt\nserial=serial.txt\nnew_certs_dir=.\ndefault_md=sha256',
    'policy=any\nx509_extensions=ext',
    '[any]\ncommonName=supplied',
    `[ext]\nsubjectAltName=${subjectAltName}\n`,
  ]
  writeFileSync(join(scratch.path, 'ca.cnf'), config.join('\n'))
  writeFileSync(join(scratch.path, 'index.txt'), '')
  writeFileSync(join(scratch.path, 'serial.txt'), '1000\n')
  openssl('req', '-new', ...newKey('expired', 'csr'), '-subj', '/CN=expired')
  openssl(
    'ca',
    '-batch',
    '-notext',
    ...['-config', 'ca.cnf', '-cert', 'ca.crt', '-keyfile', 'ca.key'],
    ...['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'],
    ...['-in', 'expired.csr', '-out', 'expired.crt'],
  )
  return certificate(scratch, 'expired')
}
