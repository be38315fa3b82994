/**
 * Frames of @hocuspocus/provider 4.8.0 and @hocuspocus/server 4.7.0, tapped from the socket between them:
 * document `tables/häuser`, tokens `tok` and `bad`, client id 5, `rows.a = 1`.
 */
export const ADDRESS = '0e7461626c65732f68c3a475736572'

const framed = (body: string) => ADDRESS + body

export const DOCUMENT = 'tables/häuser'
export const UPDATE = '01010500280104726f77730161017d0100'

export const provider = {
  auth: framed('020003746f6b05342e382e30'),
  step1: framed('00000100'),
  update: framed(`000211${UPDATE}`),
  presence: framed('0106010500027b7d'),
  detach: framed('07'),
  pong: '0a',
}

export const server = {
  authenticated: framed('02020a726561642d7772697465'),
  readonly: framed('020208726561646f6e6c79'),
  step1: framed('00000100'),
  step2: framed('0001020000'),
  update: framed(`000211${UPDATE}`),
  durable: framed('0801'),
  refused: framed('0800'),
  tokenWanted: framed('0200'),
  stateless: framed('050f7b22776562686f7374223a2278227d'),
  closed: framed('0710526573657420436f6e6e656374696f6e'),
  denied: framed('0201117065726d697373696f6e2d64656e696564'),
  ping: '09',
}
