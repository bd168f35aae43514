import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@holdfast/lab/free-ports'
import { atExit } from '@holdfast/lab/scratch'

export const nginxProgram = ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].find(existsSync)

/** nginx with one worker, as the others have one thread, and a proxy_cache in the folder. */
export async function startNginx(
  program: string,
  folder: string,
  origin: string,
): Promise<{ port: number; child: ChildProcess; stop(): void }> {
  const port = await freePort()
  const root = join(folder, 'nginx')
  mkdirSync(root)
  const at = (name: string) => join(root, name)
  const temporary = ['client_body', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${at(name)};`)
    .join(' ')
  writeFileSync(
    at('nginx.conf'),
    `daemon off; worker_processes 1; pid ${at('pid')}; error_log ${at('error.log')}; user root;
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; ${temporary}
  types { image/png png; }
  proxy_cache_path ${at('cache')} levels=2:2 keys_zone=images:1m max_size=1g use_temp_path=off;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass ${origin}; proxy_cache images; proxy_cache_lock on; proxy_temp_path ${at('proxy')}; }
  }
}`,
  )
  const child = spawn(program, ['-c', at('nginx.conf'), '-e', at('error.log')], {
    stdio: 'inherit',
  })
  const stop = () => child.kill('SIGQUIT')
  atExit(stop)
  for (let tries = 0; tries < 100; tries++) {
    const response = await fetch(`http://127.0.0.1:${port}/image.png`).catch(() => undefined)
    if (response?.ok) {
      await response.arrayBuffer()
      return { port, child, stop }
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('nginx did not start')
}
