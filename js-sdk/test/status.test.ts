import { expect, test } from 'vitest'
import { CLOSED, StatusBoard, type SyncStatus } from '../src/status.js'

test('the snapshot stays the same object until something in it changes', () => {
  const board = new StatusBoard()
  expect(board.status).toBe(CLOSED)
  board.update({ phase: 'live', oldestPendingAt: new Date(5), readOnly: ['vehicles'] })
  const before = board.status
  board.update({ phase: 'live', oldestPendingAt: new Date(5), readOnly: ['vehicles'] })
  expect(board.status).toBe(before)
  board.update({ oldestPendingAt: new Date(6) })
  expect(board.status).not.toBe(before)
})

test('listeners hear of changes only, and no more after they have left', () => {
  const board = new StatusBoard()
  const heard: SyncStatus[] = []
  const stop = board.subscribe((status) => heard.push(status))
  board.update({ pending: 1 })
  board.update({ pending: 1 })
  stop()
  board.update({ pending: 0 })
  expect(heard.map(({ pending }) => pending)).toEqual([1])
})
