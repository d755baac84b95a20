-- Cleans up when a script fails half-way: Redis does not undo what it has written.
-- @defines undoing

-- Runs `body`; if that fails, runs `undo` and raises the failure again.
function undoing(body, undo)
  local ok, answer = pcall(body)
  if ok then return answer end
  undo()
  error(answer, 0)
end
