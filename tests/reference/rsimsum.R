# Reference numbers for test_rsimsum.py: Rscript rsimsum.R > rsimsum.json (rsimsum, jsonlite).
# Drawn numbers are rounded before use, so that the file holds them exactly.
library(rsimsum)
library(jsonlite)
set.seed(1)
n <- 60
draw <- function(scenario, truth, bias, sd, se) {
  shared <- rnorm(n, sd = sd)
  own <- function(method, bias, share) {
    estimate <- round(truth + bias + share * shared + rnorm(n, sd = sd / 2), 4)
    se <- round(se * exp(rnorm(n, sd = 0.2)), 4)
    data.frame(scenario, method, replication = 1:n, truth, estimate, se,
               low = round(estimate - 1.5 * se, 4), high = round(estimate + 2.2 * se, 4))
  }
  rbind(own("A", 0, 1), own("B", bias, 0.7))
}
plain <- rbind(draw("weak", 0.5, -0.1, 0.3, 0.25), draw("strong", 2, 0.4, 0.6, 0.7))
weak <- plain[plain$scenario == "weak", ]
at <- function(method, replications) weak$method == method & weak$replication %in% replications
missing <- weak
missing$estimate[at("A", c(3, 17)) | at("B", c(17, 40, 41))] <- NA
missing$se[at("A", 5) | at("B", 58)] <- NA
pairs <- missing
pairs[pairs$replication %in% c(3, 5, 17, 40, 41, 58), c("estimate", "se")] <- NA
moving <- draw("moving", round(runif(n, 1, 3), 4), 0.2, 0.5, 0.45)

case <- function(label, data, true, ci.limits = NULL, level = 0.95) {
  lapply(unique(data$scenario), function(scenario) {
    data <- data[data$scenario == scenario, ]
    if (is.null(true)) true <- data$truth[1]
    found <- simsum(data, estvarname = "estimate", se = "se", true = true, methodvar = "method",
                    ref = "A", ci.limits = ci.limits, control = list(level = level))$summ
    methods <- lapply(c(A = "A", B = "B"), function(method) {
      own <- found[found$method == method, ]
      columns <- c("estimate", "truth", "se", if (!is.null(ci.limits)) c("low", "high"))
      list(data = as.list(data[data$method == method, columns]),
           measures = lapply(split(own[, c("est", "mcse")], own$stat), unlist, use.names = FALSE))
    })
    list(label = paste(label, scenario, sep = ", "), level = level, methods = methods)
  })
}
cases <- c(
  case("plain", plain, NULL),
  case("level", weak, NULL, level = 0.8),
  case("interval", weak, NULL, ci.limits = c("low", "high")),
  case("missing", missing, NULL),
  case("missing in pairs", pairs, NULL),
  case("truth", moving, "truth")
)
cat(toJSON(list(versions = list(R = as.character(getRversion()),
                                rsimsum = as.character(packageVersion("rsimsum"))),
                cases = cases), digits = 16, auto_unbox = TRUE, na = "null", pretty = FALSE))
