-- A report that is sent again because its answer was lost. It is counted once, and the permits of the lost
-- answer are put back first.
-- @defines recall_repeat remember_answer

function recall_repeat()
  if worker == '' or not report.serial then return end
  local stored = redis.pcall('HGET', answers_key, worker)
  local ok, before = pcall(cjson.decode, type(stored) == 'string' and stored or '')
  if not ok or type(before) ~= 'table' or before.serial ~= report.serial then return end
  for _, count in ipairs({'began', 'retries', 'ok', 'throttled', 'trouble', 'unreached', 'pause_ms',
    'trouble_pause_ms'}) do report[count] = 0 end
  report.cause, report.probe_ok = '', false
  report.left, report.left_tokens = number(before.permits), number(before.tokens)
  -- The permit for the probe was lost: the probe is still due.
  if before.probe and state.mode then state.reopens = math.min(state.reopens or now, now) end
end

function remember_answer(permits, tokens, probe)
  if not report.serial then return end
  redis.call('HSET', answers_key, worker, cjson.encode({
    serial = report.serial, permits = permits, tokens = tokens, probe = probe}))
  redis.call('PEXPIRE', answers_key, KEPT_MS)
end
