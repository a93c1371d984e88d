# Reference numbers for test_grpreg.py: Rscript grpreg.R > grpreg.json (grpreg 3.6.0, jsonlite).
# grpreg orthonormalises the columns of each group; here they are orthonormal already, so that
# its penalties are those of the columns as they are. Its nonconvex penalties are rescaled for
# other losses than squared error, and left out for these.
suppressMessages({library(grpreg); library(jsonlite)})
set.seed(3)
n <- 50
group <- c(1, 1, 2, 2, 2, 2, 3, 3, 3, 4)
x <- NULL
shared <- rnorm(n)
for (size in table(group)) {
  part <- scale(matrix(rnorm(n * size), n) + 0.7 * shared, scale = FALSE)
  x <- cbind(x, qr.Q(qr(part)) * sqrt(n))
}
eta <- as.vector(x %*% c(0.9, -0.6, 0, 0, 0, 0, 0.3, 0.2, -0.4, 0))
responses <- list(gaussian = eta + rnorm(n) / 2, binomial = as.integer(runif(n) < 1 / (1 + exp(-eta))),
                  poisson = rpois(n, exp(0.5 * eta + 0.3)))
fit <- function(family, penalty, ...) {
  model <- grpreg(x, responses[[family]], group, penalty = penalty, family = family, nlambda = 7,
                  lambda.min = 0.05, eps = 1e-13, max.iter = 1e7, ...)
  list(family = family, penalty = penalty, lambda = model$lambda[-1],
       beta = unname(t(coef(model)))[-1, ], ...)
}
fits <- list(fit("gaussian", "grLasso"), fit("gaussian", "grMCP", gamma = 3),
             fit("gaussian", "grSCAD", gamma = 4), fit("binomial", "grLasso"),
             fit("poisson", "grLasso"))
cat(toJSON(list(x = x, group = group, responses = responses, fits = fits), digits = NA,
           auto_unbox = TRUE))
