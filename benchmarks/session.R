# Keeps a problem, and evaluates expressions in X, y, alphas and tol on it. Each line of the
# input is a call of one of the functions below; each is answered by one line.

numbers <- function(folder, name, n) readBin(file.path(folder, name), "double", n)

receive <- function(folder, n, p, k, m) {
  X <<- matrix(numbers(folder, "X", n * p), n, p)
  y <<- matrix(numbers(folder, "y", n * k), n, k)
  if (k == 1) y <<- drop(y)
  alphas <<- numbers(folder, "alphas", m)
}

# Writes the coefficients, and returns the seconds that they took: of the processor, and
# on the wall.
answer <- function(folder, tolerance, expression) {
  tol <<- tolerance
  start <- proc.time()
  coefs <- expression
  taken <- proc.time() - start
  coefs <- as.matrix(coefs)
  writeBin(as.double(coefs), file.path(folder, "coefs"))
  c(taken[["user.self"]] + taken[["sys.self"]], taken[["elapsed"]], dim(coefs))
}

input <- file("stdin", "r")
while (length(line <- readLines(input, n = 1)) > 0) {
  reply <- tryCatch(
    eval(parse(text = line)),
    error = function(e) paste("error", gsub("\n", " ", conditionMessage(e)))
  )
  cat(reply, "\n")
  flush(stdout())
}
