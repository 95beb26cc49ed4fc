HTTP/1.1 200 OK
content-type: text/plain; version=0.0.4; charset=utf-8
vary: accept, accept-encoding
x-content-type-options: nosniff
x-frame-options: DENY
referrer-policy: no-referrer
content-security-policy: default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'
cache-control: no-store
transfer-encoding: chunked
date: Sun, 29 Nov 2026 03:26:59 GMT

