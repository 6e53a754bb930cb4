/* The tutorial's network in C, to show what an update costs at least: an LSTM, a dense layer at its
   last step, log loss and Adam over all weights, on one thread. Integers stand for one-hot vectors.
   echo.py builds it, with the sizes below, and compares its losses with longlag's. */
#include <math.h>
#include <string.h>

enum { B = BATCH, T = STEPS, V = VALUES, H = HIDDEN, G = 4 * H };

typedef struct { /* in the order of longlag's weights; gates are input, forget, candidate, output */
    float kernel[V][G], recurrent[H][G], bias[G], dense[H][V], dense_bias[V];
} Weights;

enum { WEIGHTS = sizeof(Weights) / sizeof(float) };

static Weights gradient, first, second;
static float gates[T][B][G], cell[T + 1][B][H], squashed[T][B][H], hidden[T + 1][B][H];

static float forward(const Weights *w, const int inputs[B][T], const int *targets, float logits[B][V]) {
    for (int t = 0; t < T; t++) {
        for (int b = 0; b < B; b++)
            for (int g = 0; g < G; g++) gates[t][b][g] = w->kernel[inputs[b][t]][g] + w->bias[g];
        for (int k = 0; k < H; k++) /* a row of weights stays near for the whole batch */
            for (int b = 0; b < B; b++) {
                float *restrict z = gates[t][b], h = hidden[t][b][k];
                for (int g = 0; g < G; g++) z[g] += h * w->recurrent[k][g];
            }
        for (int b = 0; b < B; b++) {
            float *restrict z = gates[t][b];
            for (int g = 0; g < 2 * H; g++) z[g] = .5f * tanhf(.5f * z[g]) + .5f;
            for (int g = 2 * H; g < 3 * H; g++) z[g] = tanhf(z[g]);
            for (int g = 3 * H; g < G; g++) z[g] = .5f * tanhf(.5f * z[g]) + .5f;
            for (int k = 0; k < H; k++) {
                float c = z[H + k] * cell[t][b][k] + z[k] * z[2 * H + k];
                cell[t + 1][b][k] = c;
                squashed[t][b][k] = tanhf(c);
                hidden[t + 1][b][k] = z[3 * H + k] * squashed[t][b][k];
            }
        }
    }
    float loss = 0;
    for (int b = 0; b < B; b++) {
        float *restrict y = logits[b], most = -INFINITY, sum = 0;
        memcpy(y, w->dense_bias, sizeof w->dense_bias);
        for (int k = 0; k < H; k++)
            for (int v = 0; v < V; v++) y[v] += hidden[T][b][k] * w->dense[k][v];
        for (int v = 0; v < V; v++) most = fmaxf(most, y[v]);
        float target = y[targets[b]] - most;
        for (int v = 0; v < V; v++) y[v] = expf(y[v] - most);
        for (int v = 0; v < V; v++) sum += y[v];
        loss += logf(sum) - target;
        for (int v = 0; v < V; v++) y[v] /= sum * B; /* now the gradient of the mean loss */
        y[targets[b]] -= 1.f / B;
    }
    return loss / B;
}

static void backward(const Weights *w, const int inputs[B][T], float logits[B][V]) {
    static float by_hidden[B][H], by_cell[B][H], by_gates[B][G];
    memset(&gradient, 0, sizeof gradient);
    memset(by_cell, 0, sizeof by_cell);
    for (int b = 0; b < B; b++) {
        for (int v = 0; v < V; v++) gradient.dense_bias[v] += logits[b][v];
        for (int k = 0; k < H; k++) {
            float sum = 0;
            for (int v = 0; v < V; v++) {
                gradient.dense[k][v] += hidden[T][b][k] * logits[b][v];
                sum += w->dense[k][v] * logits[b][v];
            }
            by_hidden[b][k] = sum;
        }
    }
    for (int t = T - 1; t >= 0; t--) {
        for (int b = 0; b < B; b++) {
            const float *z = gates[t][b];
            float *restrict by = by_gates[b], *restrict row = gradient.kernel[inputs[b][t]];
            for (int k = 0; k < H; k++) {
                float i = z[k], f = z[H + k], g = z[2 * H + k], o = z[3 * H + k];
                float s = squashed[t][b][k], into = by_hidden[b][k];
                float c = by_cell[b][k] + into * o * (1 - s * s);
                by[k] = c * g * i * (1 - i);
                by[H + k] = c * cell[t][b][k] * f * (1 - f);
                by[2 * H + k] = c * i * (1 - g * g);
                by[3 * H + k] = into * s * o * (1 - o);
                by_cell[b][k] = c * f;
            }
            for (int g = 0; g < G; g++) row[g] += by[g];
            for (int g = 0; g < G; g++) gradient.bias[g] += by[g];
        }
        for (int k = 0; k < H; k++)
            for (int b = 0; b < B; b++) {
                const float *by = by_gates[b], *u = w->recurrent[k];
                float *restrict d = gradient.recurrent[k], sum = 0, h = hidden[t][b][k];
                for (int g = 0; g < G; g++) d[g] += h * by[g];
                for (int g = 0; g < G; g++) sum += u[g] * by[g];
                by_hidden[b][k] = sum;
            }
    }
}

void train(Weights *w, int updates, const int inputs[][B][T], const int targets[][B], float *losses) {
    float logits[B][V], one = 1, two = 1;
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    for (int update = 0; update < updates; update++) {
        losses[update] = forward(w, inputs[update], targets[update], logits);
        backward(w, inputs[update], logits);
        one *= .9f, two *= .999f;
        float rate = 1e-3f / (1 - one), spread = 1 / (1 - two);
        float *restrict p = (float *)w, *restrict m = (float *)&first, *restrict v = (float *)&second;
        const float *restrict g = (float *)&gradient;
        for (int n = 0; n < WEIGHTS; n++) {
            m[n] = .9f * m[n] + .1f * g[n];
            v[n] = .999f * v[n] + .001f * g[n] * g[n];
            p[n] -= rate * m[n] / (sqrtf(v[n] * spread) + 1e-7f);
        }
    }
}
